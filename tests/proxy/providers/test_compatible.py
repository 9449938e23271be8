"""The table of vendors of OpenAI's dialect."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.replies import Reply, ok, status
from fixtures.running import UpstreamControl
from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.errors import Failure, GatewayError
from proxy.providers.base import find_provider
from proxy.providers.compatible import VENDORS, param_rules
from proxy.providers.openai.params import adapted
from proxy.routing.budgets import Spending
from proxy.routing.cooldown import Cooldowns
from proxy.snapshot import build_snapshot
from tests.proxy.providers.sending import answered, attempt, sent

HOSTS = {
    "cerebras": "https://api.cerebras.ai/v1/chat/completions",
    "dashscope": "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions",
    "deepinfra": "https://api.deepinfra.com/v1/openai/chat/completions",
    "deepseek": "https://api.deepseek.com/beta/chat/completions",
    "fireworks_ai": "https://api.fireworks.ai/inference/v1/chat/completions",
    "github": "https://models.inference.ai.azure.com/chat/completions",
    "groq": "https://api.groq.com/openai/v1/chat/completions",
    "mistral": "https://api.mistral.ai/v1/chat/completions",
    "nano-gpt": "https://nano-gpt.com/api/v1/chat/completions",
    "nvidia_nim": "https://integrate.api.nvidia.com/v1/chat/completions",
    "ollama": "http://localhost:11434/v1/chat/completions",
    "ollama_chat": "http://localhost:11434/v1/chat/completions",
    "openai": "https://api.openai.com/v1/chat/completions",
    "openrouter": "https://openrouter.ai/api/v1/chat/completions",
    "perplexity": "https://api.perplexity.ai/chat/completions",
    "sambanova": "https://api.sambanova.ai/v1/chat/completions",
    "together_ai": "https://api.together.xyz/v1/chat/completions",
    "xai": "https://api.x.ai/v1/chat/completions",
}


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in VENDORS.values():
        for name in (*vendor.key_variables, *vendor.base_variables):
            monkeypatch.delenv(name, raising=False)
    find_provider.cache_clear()


class TestWhere:
    @pytest.mark.parametrize("vendor", HOSTS)
    def test_a_vendor_is_found_without_an_address(self, vendor: str) -> None:
        assert sent(attempt(f"{vendor}/some-model", api_key="sk-own")).url == HOSTS[vendor]

    def test_an_address_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GROQ_API_BASE", "http://127.0.0.1:9/base/")
        assert sent(attempt("groq/env-model", api_key="sk-own")).url == "http://127.0.0.1:9/base/chat/completions"

    def test_the_deployments_own_address_comes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GROQ_API_BASE", "http://127.0.0.1:9/base")
        asked = attempt("groq/own-model", api_key="sk-own", api_base="http://127.0.0.1:9/own/chat/completions")
        assert sent(asked).url == "http://127.0.0.1:9/own/chat/completions"

    @pytest.mark.parametrize(
        "vendor", ["hosted_vllm", "vllm", "lm_studio", "litellm_proxy", "openai_like", "custom_openai"]
    )
    def test_a_server_of_ones_own_needs_an_address(self, vendor: str) -> None:
        with pytest.raises(Failure, match=r"litellm_params\.api_base of model 'group'") as failed:
            sent(attempt(f"{vendor}/some-model", api_key="sk-own"))
        assert (failed.value.status, failed.value.reached) == (500, False)

    def test_a_suffix_is_added_where_it_is_missing(self) -> None:
        for base in ("http://127.0.0.1:9", "http://127.0.0.1:9/", "http://127.0.0.1:9/v1"):
            assert (
                sent(attempt("mistral/m", api_key="k", api_base=base)).url == "http://127.0.0.1:9/v1/chat/completions"
            )


class TestCredentials:
    def test_a_key_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOGETHERAI_API_KEY", "sk-third")
        assert sent(attempt("together_ai/m")).headers["authorization"] == "Bearer sk-third"
        monkeypatch.setenv("TOGETHER_API_KEY", "sk-first")
        assert sent(attempt("together_ai/n")).headers["authorization"] == "Bearer sk-first"

    def test_a_missing_key_names_the_setting_and_the_variables(self) -> None:
        with pytest.raises(Failure) as failed:
            sent(attempt("perplexity/some-model"))
        message = failed.value.message
        assert failed.value.status == 500
        assert "PerplexityException - Missing credentials" in message
        assert (
            "litellm_params.api_key of model 'group' or the PERPLEXITYAI_API_KEY or PERPLEXITY_API_KEY variable"
            in message
        )

    def test_the_key_of_another_vendor_is_never_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
        with pytest.raises(Failure, match="Missing credentials"):
            sent(attempt("novita/some-model"))

    @pytest.mark.parametrize("vendor", ["hosted_vllm", "llamafile", "lm_studio"])
    def test_a_local_server_needs_no_key(self, vendor: str) -> None:
        asked = attempt(f"{vendor}/m", api_base="http://127.0.0.1:9/v1")
        assert sent(asked).headers["authorization"] == "Bearer fake-api-key"

    def test_a_site_is_told_where_the_environment_names_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "http-referer" not in sent(attempt("openrouter/m", api_key="k")).headers
        monkeypatch.setenv("OR_SITE_URL", "https://site.example")
        assert sent(attempt("openrouter/n", api_key="k")).headers["http-referer"] == "https://site.example"


class TestNames:
    def test_every_name_of_the_table_is_a_provider(self) -> None:
        for name in VENDORS:
            assert find_provider(name) is not None

    def test_an_unknown_name_is_told_with_near_ones_and_its_line(self, tmp_path: Path) -> None:
        config = tmp_path / "config.yaml"
        config.write_text("model_list:\n  - model_name: chat\n    litellm_params:\n      model: grok/some-model\n")
        with pytest.raises(ConfigError) as failed:
            build_snapshot(load_config(config), Cooldowns(), Spending())
        assert "config.yaml:4" in str(failed.value)
        assert "unknown provider 'grok'; did you mean groq" in str(failed.value)

    @pytest.mark.parametrize("name", ["", "no such vendor", "../offline", "base", "os", "failures", "openai_params"])
    def test_what_is_no_provider(self, name: str) -> None:
        with pytest.raises(ConfigError, match="unknown provider"):
            find_provider(name)


def taken(model: str, facts: dict[str, Any] | None = None, *, drop: bool = False, **body: Any) -> dict[str, Any]:
    asked = attempt(model, body=body)
    rules = param_rules(asked.deployment, facts or {})
    assert rules is not None
    return adapted(asked.body, rules, drop=drop, allowed=())


class TestParameters:
    def test_what_a_vendor_does_not_take_is_refused(self) -> None:
        with pytest.raises(Failure) as failed:
            taken("perplexity/m", seed=1, temperature=0, stop=["x"])
        assert failed.value.status == 400
        assert "perplexity does not support parameters: ['stop', 'seed'], for model=m." in failed.value.message

    def test_or_dropped(self) -> None:
        assert set(taken("perplexity/m", drop=True, seed=1, temperature=0, stop=["x"])) == {"messages", "temperature"}

    def test_a_default_of_clients_is_not_worth_a_refusal(self) -> None:
        assert "n" not in taken("mistral/m", n=1)
        with pytest.raises(Failure):
            taken("mistral/m", n=2)

    def test_abilities_of_the_model_count(self) -> None:
        with pytest.raises(Failure, match="reasoning_effort"):
            taken("groq/m", reasoning_effort="low")
        assert "reasoning_effort" in taken("groq/m", {"supports_reasoning": True}, reasoning_effort="low")

    def test_some_names_of_models_count(self) -> None:
        assert "stop" in taken("xai/grok-3", stop=["x"])
        with pytest.raises(Failure, match="stop"):
            taken("xai/grok-4", stop=["x"])

    def test_a_field_that_nobody_knows_passes(self) -> None:
        assert "unheard_of" in taken("morph/m", unheard_of=1)

    def test_the_newer_limit_wins(self) -> None:
        fields = taken("groq/m", max_completion_tokens=2, max_tokens=1)
        assert bytes(fields["max_tokens"]) == b"2"
        assert "max_completion_tokens" not in fields


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TEXTS = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
SCHEMA = {
    "type": "object",
    "$id": "x",
    "additionalProperties": False,
    "properties": {"strict": {"type": "object", "additionalProperties": False}},
}
STRICT = {"type": "function", "function": {"name": "f", "strict": True, "parameters": SCHEMA}}


def body_of(model: str, **body: Any) -> dict[str, Any]:
    return sent(attempt(model, body=body, api_key="k", api_base="http://127.0.0.1:9/v1")).body


class TestQuirks:
    def test_texts_become_one(self) -> None:
        messages = [{"role": "user", "content": TEXTS}, {"role": "user", "content": [*TEXTS, IMAGE]}]
        first, second = body_of("deepseek/m", messages=messages)["messages"]
        assert first["content"] == "one two"
        assert second["content"] == [*TEXTS, IMAGE]

    def test_odd_messages_are_the_vendors_business(self) -> None:
        for messages in ("hello", ["hello"], [{"role": "user", "content": ["hello"]}], {"name": 1, "content": [1]}):
            assert body_of("mistral/m", messages=messages)["messages"] == messages

    def test_what_is_nested_too_deeply_too(self) -> None:
        asked = attempt("mistral/m", api_key="k", api_base="http://127.0.0.1:9")
        deep = b"[" * 20_000 + b'"cache_control"' + b"]" * 20_000
        asked.body["messages"] = msgspec.Raw(b'[{"content":' + deep + b"}]")
        assert deep in sent(asked).content

    def test_marks_for_a_cache(self) -> None:
        messages = [
            {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}
        ]
        assert "cache_control" not in str(body_of("openrouter/openai/gpt-4o", messages=messages))
        assert "cache_control" in str(body_of("openrouter/anthropic/claude-sonnet-4", messages=messages))

    def test_names(self) -> None:
        messages = [{"role": role, "content": "x", "name": "anna"} for role in ("user", "assistant", "tool")]
        assert [("name" in message) for message in body_of("xai/m", messages=messages)["messages"]] == [
            True,
            False,
            False,
        ]
        assert [("name" in message) for message in body_of("mistral/m", messages=messages)["messages"]] == [
            False,
            False,
            True,
        ]

    def test_tools_are_loosened_but_not_their_fields(self) -> None:
        [tool] = body_of("hosted_vllm/m", tools=[STRICT])["tools"]
        assert "strict" not in tool["function"]
        parameters = tool["function"]["parameters"]
        assert "additionalProperties" not in parameters
        assert parameters["properties"] == {"strict": {"type": "object"}}
        [tool] = body_of("mistral/m", tools=[STRICT])["tools"]
        assert "$id" not in tool["function"]["parameters"]
        assert tool["function"]["strict"] is True

    def test_a_required_tool(self) -> None:
        named = {"type": "function", "function": {"name": "f"}}
        assert body_of("mistral/m", tool_choice="required")["tool_choice"] == "any"
        assert body_of("mistral/m", tool_choice=named)["tool_choice"] == "any"
        assert body_of("mistral/m", tool_choice="none")["tool_choice"] == "none"
        asked = body_of("moonshot/m", tool_choice="required")
        assert "tool_choice" not in asked
        assert [message["role"] for message in asked["messages"]] == ["user", "user"]
        assert "tool_choice" not in body_of("deepinfra/m", tool_choice="auto")
        with pytest.raises(Failure, match="Deepinfra doesn't support tool_choice=required"):
            body_of("deepinfra/m", tool_choice="required")

    @pytest.mark.parametrize(("given", "n", "expected"), [(1.5, 1, 1), (0.1, 1, 0.1), (0.1, 2, 0.3), (0.5, 2, 0.5)])
    def test_temperatures_of_moonshot(self, given: float, n: int, expected: float) -> None:
        assert body_of("moonshot/m", temperature=given, n=n)["temperature"] == expected

    def test_formats(self) -> None:
        schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
        assert "response_format" not in body_of("together_ai/m", response_format={"type": "text"})
        assert body_of("together_ai/m", response_format=schema)["response_format"] == schema
        assert "response_format" not in body_of("meta_llama/m", response_format={"type": "json_object"})
        assert body_of("meta_llama/m", response_format=schema)["response_format"] == schema
        fireworks = body_of("fireworks_ai/m", response_format=schema)
        assert fireworks["response_format"] == {"type": "json_object", "schema": SCHEMA}
        assert fireworks["model"] == "accounts/fireworks/models/m"
        assert body_of("fireworks_ai/accounts/mine/models/m")["model"] == "accounts/mine/models/m"

    @pytest.mark.parametrize(
        ("budget", "effort"), [(1, "minimal"), (2_000, "low"), (5_000, "medium"), (10_000, "high"), ("x", "minimal")]
    )
    def test_thinking_is_an_effort(self, budget: Any, effort: str) -> None:
        body = body_of("hosted_vllm/m", thinking={"type": "enabled", "budget_tokens": budget})
        assert body["reasoning_effort"] == effort
        assert "thinking" not in body

    def test_thinking_that_is_off_asks_for_nothing(self) -> None:
        assert "reasoning_effort" not in body_of("hosted_vllm/m", thinking={"type": "disabled"})


class TestAnswers:
    def test_a_vendor_that_only_chats_completes_texts(self, upstream: UpstreamControl) -> None:
        upstream.script("chats", {"only-chats": [ok("the end")]})
        asked = attempt("groq/only-chats", "completions", body={"prompt": ["once", "twice"]}, **self._place(upstream))
        [answer] = answered(asked)
        assert (answer["object"], answer["choices"][0]["text"]) == ("text_completion", "the end")
        assert answer["usage"]["total_tokens"] == 15
        [call] = upstream.journal("chats")
        assert [message["content"] for message in call.body["messages"]] == ["once", "twice"]
        assert "prompt" not in call.body

    def test_also_as_a_stream(self, upstream: UpstreamControl) -> None:
        upstream.script("chats", {"only-chats": [ok(["the ", "end"])]})
        body = {"prompt": "once", "stream": True}
        asked = attempt("groq/only-chats", "completions", body=body, stream=True, **self._place(upstream))
        *chunks, last = answered(asked)
        assert last == "[DONE]"
        assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "the end"
        assert {chunk["object"] for chunk in chunks} == {"text_completion"}
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"

    def test_tokens_cannot_be_asked_in_a_chat(self) -> None:
        with pytest.raises(GatewayError, match="not tokens") as failed:
            sent(attempt("groq/m", "completions", body={"prompt": [1, 2]}, api_key="k"))
        assert failed.value.status == 400

    def test_a_vendor_that_completes_texts_is_asked_for_one(self) -> None:
        asked = attempt("together_ai/m", "completions", body={"prompt": "once"}, api_key="k")
        assert sent(asked).url == "https://api.together.xyz/v1/completions"

    @pytest.mark.parametrize(
        ("vendor", "quoted"),
        [("mistral", 'MistralException - {"error"'), ("novita", "NovitaException - upstream says 418")],
    )
    def test_errors_are_quoted(self, upstream: UpstreamControl, vendor: str, quoted: str) -> None:
        upstream.script("fails", {"failing": [status(418)]})
        with pytest.raises(Failure) as failed:
            answered(attempt(f"{vendor}/failing", **self._place(upstream)))
        assert failed.value.status == 418
        assert quoted in failed.value.message

    def test_html_and_the_key_that_it_repeats(self, upstream: UpstreamControl) -> None:
        page = "<html>no such key: sk-very-secret</html>"
        upstream.script("fails", {"failing": [Reply(status=403, text=page, headers={"content-type": "text/html"})]})
        with pytest.raises(Failure) as failed:
            answered(attempt("mistral/failing", api_key="sk-very-secret", api_base=f"{upstream.url}/v1"))
        assert "<html>" in failed.value.message
        assert "sk-very-secret" not in failed.value.message

    @staticmethod
    def _place(upstream: UpstreamControl) -> dict[str, Any]:
        return {"api_base": f"{upstream.url}/v1", "api_key": "sk-own"}
