"""The page on retries: its config does what it says."""

from pathlib import Path

import pytest

from proxy.config.loader import load_config
from proxy.routing.budgets import Spending
from proxy.routing.cooldown import Cooldowns
from proxy.routing.router import Router
from tests.docs.test_examples import ROOT, blocks
from tests.proxy.routing.following import run
from tests.proxy.routing.making import Clock, failure, request

[CONFIG] = blocks("yaml", (ROOT / "docs" / "retries.md").read_text())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def router(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Router:
    for name in ("AZURE_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LITELLM_MASTER_KEY"):
        monkeypatch.setenv(name, "sk-x")
    (tmp_path / "proxy_config.yaml").write_text(CONFIG)
    config = load_config(tmp_path / "proxy_config.yaml")
    assert not config.warnings
    return Router(config, Cooldowns(clock), Spending())


@pytest.mark.parametrize(
    ("group", "status", "tries"),
    [
        ("gpt-4", 503, 6),
        ("gpt-4", 429, 4),
        ("gpt-4", 408, 6),
        ("gpt-4", 400, 1),
        ("claude", 500, 3),
        ("claude", 401, 1),
    ],
)
def test_how_often_a_call_is_tried_again(router: Router, clock: Clock, group: str, status: int, tries: int) -> None:
    followed = run(router, request(group, num_retries=1), lambda _: failure(status), clock)
    assert len(followed.tries) == tries


def test_when_a_deployment_is_left_alone(router: Router, clock: Clock) -> None:
    [claude] = router.candidates("claude")
    for _ in range(2):
        assert not router.cooldowns.remaining(claude)
        run(router, request("claude"), lambda _: failure(401), clock)
    assert router.cooldowns.remaining(claude) == 30
