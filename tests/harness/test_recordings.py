"""What no recording may hold, whatever the reference said."""

from __future__ import annotations

import re

from contracts.harness.compare import GENERATED_KEY
from contracts.harness.plugin import CASSETTES

_FOLDERS = re.compile(r"(?<![\w.-])/(?:home|tmp|work|Users)/|refdb-")


def test_no_keys_that_were_good_once_and_no_folders_of_the_machine_that_recorded() -> None:
    files = [path for path in CASSETTES.rglob("*") if path.is_file()]
    texts = {path.relative_to(CASSETTES): path.read_text(errors="replace") for path in files}
    assert texts
    found = {
        str(path): match[0]
        for path, text in texts.items()
        for match in [GENERATED_KEY.search(text) or _FOLDERS.search(text)]
        if match
    }
    assert found == {}
