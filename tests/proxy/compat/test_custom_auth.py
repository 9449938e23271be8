import asyncio
import functools
import threading
from pathlib import Path
from typing import Any

import pytest

from proxy.compat.custom_auth import CustomAuth, load_custom_auth
from proxy.compat.exceptions import HTTPException, ProxyErrorTypes, ProxyException
from proxy.compat.identity import LitellmUserRoles, UserAPIKeyAuth, hash_token
from proxy.compat.requests import Request
from proxy.compat.upstream_errors import BudgetExceededError
from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.errors import GatewayError

REQUEST = Request({"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": [(b"X-Who", b"me")]})


def ask(function: Any, key: str = "sk-1") -> UserAPIKeyAuth | str:
    return asyncio.run(CustomAuth(function).authenticate(REQUEST, key))


def refusal(error: Exception) -> GatewayError:
    async def check(request: Request, api_key: str) -> UserAPIKeyAuth:
        raise error

    with pytest.raises(GatewayError) as caught:
        ask(check)
    return caught.value


def test_an_async_function_sees_request_and_key() -> None:
    async def check(request: Request, api_key: str) -> UserAPIKeyAuth:
        return UserAPIKeyAuth(user_id=request.headers["x-who"], key_alias=api_key)

    answer = ask(check)
    assert isinstance(answer, UserAPIKeyAuth)
    assert (answer.user_id, answer.key_alias) == ("me", "sk-1")


def test_a_plain_function_runs_beside_the_loop() -> None:
    threads = []

    def check(request: Request, api_key: str) -> UserAPIKeyAuth:
        threads.append(threading.current_thread())
        return UserAPIKeyAuth()

    ask(check)
    assert threads != [threading.main_thread()]


def test_arguments_may_be_swapped_or_named_otherwise() -> None:
    async def swapped(api_key: str, request: Request) -> UserAPIKeyAuth:
        return UserAPIKeyAuth(user_id=request.method, key_alias=api_key)

    async def otherwise(call: Request, token: str, extra: int = 0) -> UserAPIKeyAuth:
        return UserAPIKeyAuth(user_id=call.method, key_alias=token)

    async def anything(**values: Any) -> UserAPIKeyAuth:
        return UserAPIKeyAuth(user_id=values["request"].method, key_alias=values["api_key"])

    class Callable:
        async def __call__(self, request: Request, api_key: str) -> UserAPIKeyAuth:
            return UserAPIKeyAuth(user_id=request.method, key_alias=api_key)

    for function in (
        swapped,
        otherwise,
        anything,
        Callable(),
        functools.partial(swapped),
        functools.partial(otherwise, extra=1),
    ):
        answer = ask(function)
        assert isinstance(answer, UserAPIKeyAuth)
        assert (answer.user_id, answer.key_alias) == ("POST", "sk-1")


@pytest.mark.parametrize("thing", [None, "text", lambda: None, lambda a: None, lambda a, b, c: None])
def test_what_cannot_be_called_that_way_is_refused_at_start(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"\(request, api_key\)"):
        CustomAuth(thing)


def test_the_config_s_function_is_loaded_and_a_wrong_one_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("general_settings:\n  custom_auth: auth_of_this_test.check\n", encoding="utf-8")
    code = tmp_path / "auth_of_this_test.py"
    code.write_text("def check(): ...\nasync def right(request, api_key): return 'sk-2'\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_custom_auth(load_config(file))
    assert str(caught.value).startswith(
        f"{file}:2: general_settings.custom_auth: the function must take (request, api_key)"
    )
    file.write_text("general_settings:\n  custom_auth: auth_of_this_test.right\n", encoding="utf-8")
    assert asyncio.run(load_custom_auth(load_config(file)).authenticate(REQUEST, "sk-1")) == "sk-2"


def test_other_answers() -> None:
    class OfTheReference:
        def model_dump(self) -> dict[str, Any]:
            return {"api_key": hash_token("sk-1"), "user_id": "u", "unknown_here": 1}

    assert ask(lambda request, api_key: "sk-other") == "sk-other"
    assert ask(lambda request, api_key: {"user_id": "u"}).user_id == "u"  # type: ignore[union-attr]
    answer = ask(lambda request, api_key: OfTheReference())
    assert isinstance(answer, UserAPIKeyAuth)
    assert (answer.api_key, answer.user_id) == (hash_token("sk-1"), "u")


@pytest.mark.parametrize("answer", [None, True, 5, ["a"]])
def test_an_answer_that_is_no_caller_refuses(answer: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        ask(lambda request, api_key: answer)
    assert caught.value.status == 401
    assert type(answer).__name__ in caught.value.message


def test_the_text_of_an_exception_is_shown() -> None:
    error = refusal(ValueError("not you"))
    assert error.body() == (
        b'{"error":{"message":"Authentication Error, not you","type":"auth_error","param":"None","code":"401"}}'
    )
    assert refusal(Exception()).message == "Authentication Error, "


def test_an_http_exception_keeps_its_status_and_headers() -> None:
    error = refusal(HTTPException(status_code=403, detail={"error": "no"}, headers={"x-a": "b"}))
    assert (error.status, error.message, error.type, error.param) == (403, "{'error': 'no'}", "auth_error", "None")
    assert error.headers == [("x-a", "b")]


def test_a_proxy_exception_keeps_its_fields() -> None:
    error = refusal(ProxyException("over", type=ProxyErrorTypes.expired_key, param="key", code=402, headers={"n": 1}))
    assert (error.status, error.message, error.type, error.param) == (402, "over", "expired_key", "key")
    assert error.headers == [("n", "1")]


def test_a_budget_has_its_own_status() -> None:
    error = refusal(BudgetExceededError(current_cost=5.0, max_budget=1.0))
    assert (error.status, error.type, error.param) == (400, "budget_exceeded", None)
    assert error.message == "Budget has been exceeded! Current cost: 5.0, Max budget: 1.0"


@pytest.mark.parametrize("code", [None, "abc", 200, 99, 700, "None"])
def test_a_refusal_is_never_a_success(code: Any) -> None:
    assert refusal(ProxyException("m", "t", None, code)).status == 401
    assert refusal(HTTPException(code, "m")).status == 401


def test_a_caller_that_cannot_be_refuses() -> None:
    async def check(request: Request, api_key: str) -> UserAPIKeyAuth:
        return UserAPIKeyAuth(user_role="emperor")

    with pytest.raises(GatewayError) as caught:
        ask(check)
    assert caught.value.status == 401


def test_a_cancelled_call_is_no_refusal() -> None:
    async def check(request: Request, api_key: str) -> UserAPIKeyAuth:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        ask(check)


def test_keys_are_hashed() -> None:
    jwt = "eyJh.eyJz.c2ln"
    assert UserAPIKeyAuth(api_key="sk-1").api_key == UserAPIKeyAuth(api_key="sk-1").token == hash_token("sk-1")
    assert UserAPIKeyAuth(api_key=jwt).api_key == f"hashed-jwt-{hash_token(jwt)}"
    assert UserAPIKeyAuth(api_key="best-api-key-ever").token == "best-api-key-ever"
    assert "best-api-key" not in repr(UserAPIKeyAuth(api_key="best-api-key-ever"))


def test_values_are_converted_and_unknown_names_ignored() -> None:
    caller = UserAPIKeyAuth(
        max_budget="5",
        rpm_limit="10",
        organization_id="o",
        user_id=7,
        user_role="proxy_admin",
        nonsense=1,
        models=["a"],
    )
    assert (caller.max_budget, caller.rpm_limit, caller.org_id, caller.user_id) == (5.0, 10, "o", "7")
    assert caller.user_role is LitellmUserRoles.PROXY_ADMIN
    caller.metadata["x"] = 1
    assert UserAPIKeyAuth().metadata == {}
    assert caller.model_dump(exclude_none=True)["metadata"] == {"x": 1}
    assert "team_id" not in caller.model_dump(exclude_none=True)
    assert UserAPIKeyAuth.model_validate(caller) is caller
    with pytest.raises(ValueError, match="max_budget"):
        UserAPIKeyAuth(max_budget="much")
