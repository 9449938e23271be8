"""What is spent of budgets of deployments, providers and tags."""

import sqlalchemy as sa
from alembic import op

from proxy.store.types import Moment

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "budget_windows",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("spend", sa.Double(), server_default="0", nullable=False),
        sa.Column("ends_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_budget_windows")),
    )
    op.create_index(op.f("ix_budget_windows_ends_at"), "budget_windows", ["ends_at"], unique=False)
