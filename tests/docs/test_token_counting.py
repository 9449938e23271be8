"""The page on token counting: its calls."""

from pathlib import Path

import msgspec

from tests.docs.pages import answering_itself, run
from tests.docs.test_examples import ROOT, blocks

PAGE = (ROOT / "docs" / "token-counting.md").read_text()
COUNT, CHAT = blocks("sh", PAGE)
[COUNTED] = blocks("json", PAGE)


def test_the_calls_of_the_page(tmp_path: Path) -> None:
    with answering_itself("token-counting", tmp_path) as gateway:
        counted = msgspec.json.decode(run(COUNT, gateway))
        served = {msgspec.json.decode(run(CHAT, gateway))["choices"][0]["message"]["content"] for _ in range(8)}
        short = CHAT.replace("Tell me about a day on the river, hour by hour, and leave nothing out", "Hello")
        either = {msgspec.json.decode(run(short, gateway))["choices"][0]["message"]["content"] for _ in range(32)}
        refused = run(CHAT.replace("leave nothing out", "leave nothing out " * 3000), gateway)
    assert counted == msgspec.json.decode(COUNTED)
    assert served == {"roomy"}
    assert either == {"roomy", "tiny"}
    assert "ContextWindowExceededError" in refused
