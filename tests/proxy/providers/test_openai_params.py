"""What models of OpenAI's kind do not take: refused, left out, renamed."""

from typing import Any

import msgspec
import pytest

from proxy.call import Body
from proxy.errors import Failure
from proxy.providers.openai.params import adapted, check_dimensions, rules_of, without_developers

KNOWN = {"supports_function_calling": True, "supports_response_schema": True, "supports_tool_choice": True}


def body(**fields: Any) -> Body:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def plain(fields: Body) -> dict[str, Any]:
    return {name: msgspec.json.decode(value) for name, value in fields.items()}


def sent(model: str, *, drop: bool = False, allowed: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return plain(adapted(body(**fields), rules_of(model, KNOWN), drop=drop, allowed=allowed))


def test_a_body_that_needs_no_change_is_the_same_one() -> None:
    fields = body(temperature=0.5, tools=[], unheard_of=1)
    assert adapted(fields, rules_of("house-model", {}), drop=False, allowed=()) is fields


def test_what_is_not_taken_is_refused_by_name() -> None:
    with pytest.raises(Failure, match="reasoning_effort") as refused:
        sent("house-model", reasoning_effort="low")
    assert (refused.value.status, refused.value.reached) == (400, False)


def test_what_is_not_taken_is_dropped_or_allowed() -> None:
    assert sent("house-model", drop=True, reasoning_effort="low", seed=1) == {"seed": 1}
    assert sent("house-model", allowed=("reasoning_effort",), reasoning_effort="low") == {"reasoning_effort": "low"}


def test_null_is_no_wish() -> None:
    assert sent("house-model", reasoning_effort=None) == {"reasoning_effort": None}


@pytest.mark.parametrize("model", ["o3-mini", "gpt-5-mini"])
def test_reasoning_models(model: str) -> None:
    assert sent(model, max_tokens=5, temperature=1) == {"max_completion_tokens": 5, "temperature": 1}
    assert sent(model, drop=True, temperature=0.5, top_p=0.5) == {}
    with pytest.raises(Failure, match=r"temperature=0\.5"):
        sent(model, temperature=0.5)


def test_a_model_that_may_not_reason_takes_any_temperature() -> None:
    assert sent("gpt-5.1", temperature=0.5) == {"temperature": 0.5}
    with pytest.raises(Failure):
        sent("gpt-5.1", temperature=0.5, reasoning_effort="high")


def test_developers() -> None:
    told = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": 'say "developer"'}]
    changed = without_developers(body(messages=told), rules_of("house-model", {}))
    assert [message["role"] for message in plain(changed)["messages"]] == ["system", "user"]
    kept = body(messages=told)
    assert without_developers(kept, rules_of("o3-mini", KNOWN)) is kept


def test_dimensions() -> None:
    check_dimensions(body(dimensions=4), "text-embedding-3-small")
    check_dimensions(body(dimensions=None), "house-vectors")
    with pytest.raises(Failure, match="dimensions"):
        check_dimensions(body(dimensions=4), "house-vectors")
