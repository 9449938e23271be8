"""The page on tags: its call is served where it says."""

from pathlib import Path

import msgspec

from tests.docs.pages import answering_itself, run
from tests.docs.test_examples import ROOT, blocks

[CALL] = blocks("sh", (ROOT / "docs" / "tags.md").read_text())
METADATA = ', "metadata": {"tags": ["paid"]}'


def test_the_calls_are_served_where_their_tags_are(tmp_path: Path) -> None:
    def served(command: str) -> str:
        return str(msgspec.json.decode(run(command, gateway))["choices"][0]["message"]["content"])

    with answering_itself("tags", tmp_path) as gateway:
        assert METADATA in CALL
        assert served(CALL) == "large"
        assert served(CALL.replace(METADATA, "").replace("-d ", '-H "x-litellm-tags: paid" -d ')) == "large"
        assert served(CALL.replace(METADATA, "")) == "small"
        assert served(CALL.replace("paid", "unknown")) == "small"
