"""Names of models on Amazon Bedrock, and what models of such names take.

``bedrock/MODEL``, ``bedrock/converse/MODEL`` and ``bedrock/invoke/MODEL``; before MODEL there may be a region and a slash.
MODEL is a model's id, an inference profile's (``us.``, ``eu.``, ...), or the ARN of anything that can be called.
https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from proxy.providers.openai.params import Facts

_NOVA_SPECS = {"nova-2/": "amazon.nova-2-custom", "nova/": "amazon.nova-custom"}
"""Before the ARNs of models that were made of Nova's; what they are made of."""
_REGION = re.compile(r"(?P<region>(?:us|eu|ap|ca|sa|me|af|il|mx)(?:-gov)?-[a-z]+-\d)/(?P<rest>.+)", re.DOTALL)
_PROFILE = re.compile(r"(?:global|us-gov|us|eu|apac|jp|au)\.")
_THROUGHPUT = re.compile(r"(:\d+):\d+k$")
_CALLING = re.compile(r"anthropic|mistral|cohere|meta\.llama(?:3-[123]|4)|amazon\.nova")
"""Begins the names of models that call tools."""
_THINKING = ("claude-3-7", "claude-sonnet-4", "claude-opus-4", "deepseek.r1")
_ALWAYS = frozenset(
    """
    max_tokens max_completion_tokens stop temperature top_p response_format service_tier parallel_tool_calls
    stream_options
    """.split()  # noqa: SIM905
)
_NATIVE_SCHEMAS = (
    *("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5", "claude-opus-4-6", "qwen3", "deepseek-v3.1"),
    *("gemma-3", "minimax-m2", "ministral", "mistral-large-3", "voxtral", "kimi-k2", "nemotron-nano"),
)
"""https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html"""

Route = Literal["converse", "invoke"]
_ROUTES: tuple[Route, ...] = ("converse", "invoke")


class Named(NamedTuple):
    """What the name of a model says."""

    id: str
    """What Bedrock calls it."""
    base: str
    """Its id without inference profile, throughput, or the rest of its ARN."""
    region: str | None
    """That is called, if the name says so."""
    route: Route | None
    """That is asked for, if any is."""

    @property
    def is_claude(self) -> bool:
        """Whether it speaks Anthropic's format."""
        return "claude" in self.id

    @property
    def is_nova_2(self) -> bool:
        """Whether it is told in Nova's own words how much to think."""
        return self.base.startswith("amazon.nova-2-")

    @property
    def knows_schemas(self) -> bool:
        """Whether it answers in a JSON schema by itself."""
        return any(piece in self.id for piece in _NATIVE_SCHEMAS)

    def way(self, facts: Facts) -> Route:
        """How it is called: Converse, but for Claudes that nothing is known of, as in the reference."""
        if not self.is_claude:
            return "converse"
        return self.route or ("converse" if facts or self.id.startswith("arn:") else "invoke")

    def takes(self, facts: Facts) -> frozenset[str]:
        """The parameters of OpenAI that it takes; of an ARN nothing is known, so that it is given a chance."""
        taken = set(_ALWAYS)
        if self.base.startswith("amazon.nova"):
            taken.add("web_search_options")
        if self.id.startswith("arn:"):
            return frozenset(taken | {"tools", "tool_choice", "thinking", "reasoning_effort"})
        if _CALLING.match(self.base) or facts.get("supports_function_calling"):
            taken.add("tools")
        if facts.get("supports_tool_choice"):
            taken.add("tool_choice")
        if "gpt-oss" in self.id or self.is_nova_2:
            taken.add("reasoning_effort")
        elif any(piece in self.id for piece in _THINKING) or facts.get("supports_reasoning"):
            taken |= {"thinking", "reasoning_effort"}
        return frozenset(taken)


@lru_cache(maxsize=4096)
def named(model: str) -> Named:
    """What the name of a deployment's model says, the prefix of the provider left out."""
    rest, region = model, None
    route: Route | None = None
    for known in _ROUTES:
        if rest.startswith(f"{known}/"):
            route, rest = known, rest.removeprefix(f"{known}/")
    placed = _REGION.fullmatch(rest)
    if placed:
        region, rest = placed["region"], placed["rest"]
    for prefix, base in _NOVA_SPECS.items():
        if rest.startswith(prefix):
            return Named(rest.removeprefix(prefix), base, region, "converse")
    bare = rest.rpartition("/")[2] if rest.startswith("arn:") else rest
    base = _PROFILE.sub("", _THROUGHPUT.sub(r"\1", bare), count=1)
    return Named(rest, base, region, route)


def known_as(model: str) -> list[str]:
    """Further names under which the packaged table may know a model, best first."""
    name = named(model)
    return [name.id, name.base]
