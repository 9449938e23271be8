"""What cases about tags share."""

from collections.abc import Sequence

from contracts.harness.exchange import Exchange


def is_refused(answer: Exchange, group: str, tags: Sequence[object]) -> None:
    """No deployment of the group has the tags."""
    assert answer.status == 401
    error = answer.json["error"]
    told = f"Not allowed to access model due to tags configuration. Passed model={group} and tags={tags}"
    assert error == {"message": told, "type": "None", "param": "None", "code": "401"}
