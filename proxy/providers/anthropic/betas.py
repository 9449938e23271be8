"""What has to be switched on for a request by the header ``anthropic-beta``.

https://docs.anthropic.com/en/api/beta-headers; which are known is LiteLLM 1.81.14's list.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from proxy.providers.anthropic.messages import Message

Fields = dict[str, Any]

KNOWN = frozenset(
    """
    advanced-tool-use-2025-11-20 code-execution-2025-08-25 compact-2026-01-12 computer-use-2025-01-24
    computer-use-2025-11-24 context-1m-2025-08-07 context-management-2025-06-27 effort-2025-11-24 fast-mode-2026-02-01
    files-api-2025-04-14 fine-grained-tool-streaming-2025-05-14 interleaved-thinking-2025-05-14 mcp-client-2025-04-04
    mcp-client-2025-11-20 oauth-2025-04-20 output-128k-2025-02-19 prompt-caching-scope-2026-01-05 skills-2025-10-02
    structured-outputs-2025-11-13 token-efficient-tools-2025-02-19 web-fetch-2025-09-10 web-search-2025-03-05
    """.split()  # noqa: SIM905
)
"""Others are not passed on: Anthropic refuses calls with betas that have ended."""
_TOOLS = {
    "computer_20250124": "computer-use-2025-01-24",
    "code_execution_20250825": "code-execution-2025-08-25",
    "web_fetch": "web-fetch-2025-09-10",
    "memory": "context-management-2025-06-27",
    "tool_search_tool_": "advanced-tool-use-2025-11-20",
}
"""By the beginning of a tool's type."""
_CODE = "code_execution_20250825"
_COMPACTION = "compact_20260112"


def known_betas(names: Iterable[str]) -> list[str]:
    """Those that may be passed on."""
    return [name.strip() for name in names if name.strip() in KNOWN]


def betas_of(fields: Fields, messages: Iterable[Message] = ()) -> set[str]:
    """What a request needs.

    Args:
        fields: of the request to Anthropic.
        messages: of the client, if it sent a chat.
    """
    return {*_of_tools(fields.get("tools")), *_of_fields(fields), *_of_files(messages)}


def _of_tools(tools: Any) -> Iterator[str]:
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict):
            continue
        yield from (beta for beginning, beta in _TOOLS.items() if str(tool.get("type")).startswith(beginning))
        callers = tool.get("allowed_callers")
        if tool.get("input_examples") or (isinstance(callers, list) and _CODE in callers):
            yield "advanced-tool-use-2025-11-20"


def _of_fields(fields: Fields) -> Iterator[str]:
    if fields.get("mcp_servers"):
        yield "mcp-client-2025-04-04"
    if _object(fields, "output_config").get("effort"):
        yield "effort-2025-11-24"
    if _object(fields, "container").get("skills"):
        yield "skills-2025-10-02"
    if fields.get("output_format") is not None:
        yield "structured-outputs-2025-11-13"
    if fields.get("speed") == "fast":
        yield "fast-mode-2026-02-01"
    edits = _object(fields, "context_management").get("edits")
    for edit in edits if isinstance(edits, list) else ():
        compacts = isinstance(edit, dict) and edit.get("type") == _COMPACTION
        yield "compact-2026-01-12" if compacts else "context-management-2025-06-27"


def _of_files(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        for part in message.content if isinstance(message.content, list) else ():
            file = part.get("file")
            if isinstance(file, dict) and file.get("file_id"):
                yield "files-api-2025-04-14"


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}
