"""Files, batches and lists as clients get them: what the vendor says, and null for what it does not."""

from typing import Any, Final

Item = dict[str, Any]

_OF_FILES: Final = ("status", "expires_at", "status_details")
_OF_BATCHES: Final = (
    "cancelled_at",
    "cancelling_at",
    "completed_at",
    "error_file_id",
    "errors",
    "expired_at",
    "expires_at",
    "failed_at",
    "finalizing_at",
    "in_progress_at",
    "metadata",
    "model",
    "output_file_id",
    "request_counts",
    "usage",
)


def file(given: Item) -> Item:
    """A file."""
    return dict.fromkeys(_OF_FILES) | given


def batch(given: Item) -> Item:
    """A batch."""
    return dict.fromkeys(_OF_BATCHES) | given


def listed(given: Item) -> Item:
    """A list of either."""
    items = given.get("data")
    if not isinstance(items, list):
        return given
    shown = [_shown(item) for item in items]
    return given | {"data": shown, "has_more": given.get("has_more", False)}


def _shown(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return batch(item) if item.get("object") == "batch" else file(item)
