"""What servers that users run themselves receive, and vendors under their further prefixes."""

import pytest

from contracts.core.test_providers_compatible import LAYOUT, MESSAGES, PARAMETERS
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("core", config="vendors/servers.yaml")

#: The reference sends none of these servers the key that its deployment has, tells no usage of one of them, and makes up
#: ids for another.
ODD: dict[str, tuple[str, ...]] = {
    "lemonade": ("journal*.headers.authorization",),
    "oobabooga": ("journal*.headers.authorization", "body.id", "body.created", "body.system_fingerprint"),
    "aiohttp_openai": ("body.usage",),
}


@pytest.mark.parametrize("vendor", ["lemonade", "oobabooga", "ai21_chat", "aiohttp_openai"])
def test_what_a_server_receives(case: Case, vendor: str) -> None:
    case.script({f"upstream-{vendor}": [ok("hello")]})
    answer = case.chat(f"home-{vendor}", messages=MESSAGES, drop_params=True, **PARAMETERS)
    case.assert_same_as_recorded(ignore=[*LAYOUT, *ODD.get(vendor, ())])
    assert answer.status == 200
    assert answer.content == "hello"
    [call] = case.journal()
    assert call.body["model"] == f"upstream-{vendor}"


@pytest.mark.parametrize("vendor", ["openai_like", "ollama", "ollama_chat", "vllm"])
def test_a_server_that_speaks_openais_dialect_as_well(case: Case, vendor: str) -> None:
    case.script({f"upstream-{vendor}": [ok("hello")]})
    answer = case.chat(f"home-{vendor}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == (400 if vendor == "openai_like" else 500)

    def required(answer: Exchange) -> None:
        assert answer.content == "hello"
        [call] = case.journal()
        assert call.path == ("/u/ollama/v1/chat/completions" if "ollama" in vendor else "/v1/chat/completions")
        assert call.body["model"] == f"upstream-{vendor}"

    case.deviates(answer, as_recorded=as_recorded, required=required)
