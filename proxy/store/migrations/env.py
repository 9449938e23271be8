"""Run by Alembic, in the transaction of ``proxy.store.migrate``."""

from alembic import context

from proxy.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=False,
)
context.run_migrations()
