"""Milvus: only collections that are managed vector store indexes can be called, and no config can declare one."""

from typing import Any

import msgspec

from proxy.errors import DetailError
from proxy.passthrough.members import UNREADABLE
from proxy.passthrough.target import Asked, Target, VendorRoute


class MilvusRoute(VendorRoute):
    """``/milvus``. Indexes are registered through the database, so that without one every call is refused."""

    async def target(self, asked: Asked) -> Target:
        """See :class:`proxy.passthrough.target.Route`."""
        try:
            fields = msgspec.json.decode(await asked.read(), type=dict[str, Any])
        except UNREADABLE:
            fields = {}
        name = fields.get("collectionName")
        if not name:
            raise DetailError(400, f"Collection name is required. Got {fields}")
        raise DetailError(
            400,
            f"Collection {name} is not a litellm managed vector store index. Only litellm managed vector store indexes "
            "are supported: a database must be connected (general_settings.database_url), and the index registered in it",
        )
