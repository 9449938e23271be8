"""Questions to a vendor: asked again when that may help, refused in its words."""

import asyncio
from typing import Any

import pytest

from contracts.harness.processes import free_port
from fixtures.replies import Reply, reset, status
from fixtures.running import UpstreamControl
from proxy.errors import GatewayError
from proxy.files import exchange
from proxy.files.accounts import Account
from proxy.files.exchange import Question, Undone, answered, json_body
from proxy.upstream.client import UpstreamClient
from tests.conftest import Vendor


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "FIRST_WAIT", 0.001)


def ask(upstream: UpstreamControl, vendor: Vendor, *replies: Reply, base: str | None = None) -> dict[str, Any]:
    vendor.answers(*replies)
    account = Account("openai", base or f"{upstream.url}/v1", {"authorization": "Bearer sk-very-secret"})

    async def work() -> dict[str, Any]:
        client = UpstreamClient()
        try:
            url = account.url("/chat/completions")
            question = Question(method="POST", url=url, body=json_body({"model": vendor.model, "messages": []}))
            return await answered(account, question, client)
        finally:
            await client.aclose()

    return asyncio.run(work())


@pytest.mark.parametrize("first", [status(500), status(429), status(409), reset()], ids=["500", "429", "409", "reset"])
def test_what_may_pass_is_asked_again(upstream: UpstreamControl, vendor: Vendor, first: Reply) -> None:
    assert ask(upstream, vendor, first, first, Reply())["object"] == "chat.completion"
    assert len(vendor.received) == 3


def test_three_times_at_the_most(upstream: UpstreamControl, vendor: Vendor) -> None:
    with pytest.raises(GatewayError, match="Error code: 503 - ") as refused:
        ask(upstream, vendor, status(503))
    assert refused.value.status == 503
    assert len(vendor.received) == 3


def test_what_stays_is_asked_once(upstream: UpstreamControl, vendor: Vendor) -> None:
    with pytest.raises(GatewayError, match="Error code: 400 - "):
        ask(upstream, vendor, status(400))
    assert len(vendor.received) == 1


@pytest.mark.parametrize(
    ("replies", "undone"),
    [
        ([status(400)], True),
        ([status(503)], True),
        ([status(500), status(400)], True),
        ([reset()], False),
        ([reset(), status(400)], False),
        ([Reply(body="no object")], False),
    ],
    ids=["refused", "failed", "both", "broken", "broken-once", "odd"],
)
def test_whether_the_vendor_may_have_done_it(
    upstream: UpstreamControl, vendor: Vendor, replies: list[Reply], undone: bool
) -> None:
    with pytest.raises(GatewayError) as refused:
        ask(upstream, vendor, *replies)
    assert isinstance(refused.value, Undone) == undone


def test_a_vendor_that_is_not_there_has_done_nothing(upstream: UpstreamControl, vendor: Vendor) -> None:
    with pytest.raises(Undone, match="Connection error"):
        ask(upstream, vendor, base=f"http://127.0.0.1:{free_port()}/v1")


def test_the_vendors_key_is_not_repeated(upstream: UpstreamControl, vendor: Vendor) -> None:
    told = Reply(status=401, body={"error": {"message": "wrong key sk-very-secret"}})
    with pytest.raises(GatewayError) as refused:
        ask(upstream, vendor, told)
    assert "sk-very-secret" not in refused.value.message
    assert refused.value.message.startswith("Error code: 401 - wrong key ")


@pytest.mark.parametrize("reply", [Reply(text="no json"), Reply(body=[1])], ids=["text", "list"])
def test_an_answer_that_is_no_object(upstream: UpstreamControl, vendor: Vendor, reply: Reply) -> None:
    with pytest.raises(GatewayError) as refused:
        ask(upstream, vendor, reply)
    assert refused.value.status == 502


def test_a_redirect_is_no_answer(upstream: UpstreamControl, vendor: Vendor) -> None:
    with pytest.raises(GatewayError) as refused:
        ask(upstream, vendor, Reply(status=302, headers={"location": "http://elsewhere.test/"}))
    assert refused.value.status == 502


@pytest.mark.parametrize(
    ("told", "least", "most"), [("7", 7, 7), ("900", 0.0005, 0.001), ("soon", 0.0005, 0.001), (None, 0.0005, 0.001)]
)
def test_how_long_it_waits(told: str | None, least: float, most: float) -> None:
    assert least <= exchange._wait(0, told) <= most
