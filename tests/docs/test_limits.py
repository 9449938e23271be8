"""The page on limits: its configs and calls, until they are refused as it says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.docs.pages import run
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import Gateway, running

PAGE = (ROOT / "docs" / "limits.md").read_text()
MAKE, CALL, MAKE_DEV = blocks("sh", PAGE)


@contextmanager
def serving(folder: Path, number: int) -> Iterator[Gateway]:
    config = yaml.safe_load(blocks("yaml", PAGE)[number])
    config["general_settings"]["database_url"] = f"sqlite:///{folder}/limits.db"
    with running(folder, config) as gateway:
        yield gateway


def test_the_third_call_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, 0) as gateway:
        assert json.loads(run(MAKE, gateway))["rpm_limit"] == 2
        answers = [run(CALL, gateway) for _ in range(3)]
    assert "x-ratelimit-api_key-remaining-requests: 1" in answers[0]
    assert "x-ratelimit-api_key-limit-requests: 2" in answers[0]
    assert answers[1].startswith("HTTP/1.1 200")
    assert answers[2].startswith("HTTP/1.1 429")
    assert "rate_limit_type: requests" in answers[2]
    assert "Rate limit exceeded for api_key: " in answers[2]


def test_a_share_is_kept(tmp_path: Path) -> None:
    with serving(tmp_path, 1) as gateway:
        run(MAKE_DEV, gateway)
        run(MAKE_DEV.replace("dev", "prod"), gateway)
        dev, prod = (CALL.replace("sk-limited-key", f"sk-{name}-key") for name in ("dev", "prod"))
        answers = [run(dev, gateway) for _ in range(6)]
        kept = run(prod, gateway)
    assert all(answer.startswith("HTTP/1.1 200") for answer in answers[:5])
    refusal = json.loads(answers[5].splitlines()[-1])["error"]["message"]
    assert refusal in PAGE
    assert kept.startswith("HTTP/1.1 200")
    assert "x-ratelimit-priority_model-remaining-requests" in kept
