"""Tools and the choice among them in OpenAI's format, as Google takes them.

What Google receives is what LiteLLM 1.81.14 sends (contracts/core/test_gemini_tools.py).
"""

from typing import Any

from proxy.providers.google.schema import google_schema
from proxy.providers.schema_refs import ImpossibleSchema

Tool = dict[str, Any]

_GOOGLES = {
    "googleSearch": ("googleSearch", "google_search"),
    "googleSearchRetrieval": ("googleSearchRetrieval", "google_search_retrieval"),
    "enterpriseWebSearch": ("enterpriseWebSearch", "enterprise_web_search"),
    "code_execution": ("codeExecution", "code_execution"),
    "url_context": ("url_context", "urlContext"),
    "googleMaps": ("googleMaps", "google_maps"),
    "computerUse": ("computerUse", "computer_use"),
}
"""Google's own tools, as they are sent and as they may be written; in the order in which they are sent."""
_SENT_AS = {written: sent for sent, spellings in _GOOGLES.items() for written in spellings}
_WEB_SEARCHES = ("web_search", "web_search_preview")
_MODES = {"none": "NONE", "required": "ANY", "auto": "AUTO"}
_ENVIRONMENTS = {"browser": "ENVIRONMENT_BROWSER", "unspecified": "ENVIRONMENT_UNSPECIFIED"}
_PLACE = ("latitude", "longitude", "languageCode")


class NoSuchTool(ValueError):
    """A tool or a choice that Google has nothing like; the text says which."""


def translate_tools(tools: list[Any]) -> list[Tool]:
    """OpenAI's tools, the old kind of functions too: all functions in one tool of Google's, each other tool in its own.

    Raises:
        NoSuchTool: one makes no sense.
    """
    functions: list[Tool] = []
    own: dict[str, Tool] = {}
    for tool in tools:
        if not isinstance(tool, dict):
            raise NoSuchTool("tools must be a list of objects")
        name, settings = _googles(tool)
        if name is not None:
            own[name] = settings
        elif "function" in tool or "name" in tool:
            functions.append(_function(tool))
    declared: list[Tool] = [{"function_declarations": functions}] if functions else []
    return declared + [{name: own[name]} for name in _GOOGLES if name in own]


def translate_choice(choice: Any) -> Tool:
    """``tool_choice`` as Google's configuration of tools.

    Raises:
        NoSuchTool: there is no such choice.
    """
    if isinstance(choice, dict):
        function = choice.get("function")
        named = function.get("name") if isinstance(function, dict) else None
        return {"functionCallingConfig": {"mode": "ANY", "allowed_function_names": [named or ""]}}
    if isinstance(choice, str) and choice in _MODES:
        return {"functionCallingConfig": {"mode": _MODES[choice]}}
    raise NoSuchTool(
        f"VertexAI doesn't support tool_choice={choice}. Supported tool_choice values=['auto', 'required', json object]. "
        "To drop it from the call, set `litellm.drop_params = True."
    )


def web_search() -> Tool:
    """The tool that ``web_search_options`` stand for; Google has none of the options."""
    return {"googleSearch": {}}


def _googles(tool: Tool) -> tuple[str | None, Tool]:
    """Google's name of one of its own tools, and its settings."""
    kind = tool.get("type")
    if kind in _WEB_SEARCHES:
        return "googleSearch", {}
    fields = {name: value for name, value in tool.items() if name != "type"}
    if kind == "computer_use":
        return "computerUse", _computer(fields)
    if len(fields) != 1:
        return None, {}
    [(written, given)] = fields.items()
    name = _SENT_AS.get(written)
    settings: Tool = given if isinstance(given, dict) else {}
    if name == "googleMaps":
        settings = {key: value for key, value in settings.items() if key not in _PLACE}
    return name, _computer(settings) if name == "computerUse" else settings


def _computer(given: Tool) -> Tool:
    settings: Tool = {}
    environment = _ENVIRONMENTS.get(str(given.get("environment")), given.get("environment"))
    if environment in _ENVIRONMENTS.values():
        settings["environment"] = environment
    excluded = given.get("excluded_predefined_functions", given.get("excludedPredefinedFunctions"))
    return settings if excluded is None else settings | {"excludedPredefinedFunctions": excluded}


def _function(tool: Tool) -> Tool:
    given = tool.get("function", tool)
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise NoSuchTool("tools: a function needs a name")
    made: Tool = {"name": given["name"]}
    if given.get("description") is not None:
        made["description"] = given["description"]
    parameters = {"type": "object"} if given.get("parameters") == "" else given.get("parameters")
    if parameters is None:
        return made
    if not isinstance(parameters, dict):
        raise NoSuchTool(f"tools: parameters of {given['name']!r} must be a JSON schema")
    try:
        return made | {"parameters": google_schema(parameters)}
    except ImpossibleSchema as error:
        raise NoSuchTool(f"tools: parameters of {given['name']!r}: {error}") from error
