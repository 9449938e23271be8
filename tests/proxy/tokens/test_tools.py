"""Tools, written down as models are believed to read them."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens.errors import Uncountable
from proxy.tokens.tools import tools_text


def tool(name: str = "f", **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def test_a_tool() -> None:
    properties = {
        "city": {"type": "string", "description": "Where"},
        "days": {"type": "integer"},
        "unit": {"type": "string", "enum": ["C", "F"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "at": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
        "else": {},
    }
    schema = {"type": "object", "properties": properties, "required": ["city"]}
    assert tools_text([tool("weather", description="Tells the weather", parameters=schema)]) == "\n".join(
        (
            "namespace functions {",
            "",
            "// Tells the weather",
            "type weather = (_: {",
            "// Where",
            "city: string,",
            "days?: number,",
            'unit?: "C" | "F",',
            "tags?: string[],",
            "at?: {",
            "  lat: number,",
            "},",
            "else?: any,",
            "}) => any;",
            "",
            "} // namespace functions",
        )
    )


def test_a_tool_without_parameters() -> None:
    assert "type now = () => any;" in tools_text([tool("now")])


@pytest.mark.parametrize(
    "tools",
    [
        ["f"],
        [{"type": "function"}],
        [tool(parameters=["x"])],
        [tool(parameters={"properties": ["x"]})],
        [tool(parameters={"properties": {"x": "string"}})],
        [tool(parameters={"properties": {"x": {"type": "array"}}})],
    ],
)
def test_what_is_no_tool(tools: list[Any]) -> None:
    with pytest.raises(Uncountable, match="must be an object"):
        tools_text(tools)


schemas = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "enum", "items", "properties", "required", "x", "description"]),
            inner | st.sampled_from(["object", "array", "string", "number"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(schemas)
def test_any_schema_is_written_or_refused(schema: Any) -> None:
    with contextlib.suppress(Uncountable):
        assert tools_text([tool(parameters=schema)]).endswith("} // namespace functions")
