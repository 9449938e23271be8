"""Milvus: only collections that are managed vector store indexes can be called, and no config can declare one."""

import msgspec

from proxy.errors import DetailError
from proxy.passthrough.target import Asked, Target, VendorRoute


class _Body(msgspec.Struct, rename="camel"):
    collection_name: str | None = None


class MilvusRoute(VendorRoute):
    """``/milvus``. Indexes are registered through the database, so that without one every call is refused."""

    async def target(self, asked: Asked) -> Target:
        """See :class:`proxy.passthrough.target.Route`."""
        try:
            name = msgspec.json.decode(await asked.read(), type=_Body).collection_name
        except msgspec.DecodeError:
            name = None
        if not name:
            raise DetailError(400, "Collection name is required: send it as `collectionName`")
        raise DetailError(
            400,
            f"Collection {name} is not a litellm managed vector store index. Only litellm managed vector store indexes "
            "are supported: a database must be connected (general_settings.database_url), and the index registered in it",
        )
