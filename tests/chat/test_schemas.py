"""Schemas that LangChain's conversion would lose a part of: recursive ones, and objects of any keys."""

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Literal, NotRequired, Optional, Required, TypedDict, TypeVar

import pytest
from langchain_core.tools import StructuredTool, tool
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel, ConfigDict, PydanticInvalidForJsonSchema, create_model
from pydantic.v1 import BaseModel as BaseModelV1

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._chat.schemas import to_openai_tool
from langchain_qwen_workspace._chat.structured_output import to_response_format
from langchain_qwen_workspace._seam import Json
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Server

T = TypeVar("T")


class Node(BaseModel):
    """A node."""

    name: str
    children: list["Node"] = []


class Tree(BaseModel):
    """A tree."""

    title: str
    root: Node


class NodeV1(BaseModelV1):
    """A node."""

    name: str
    children: list["NodeV1"] = []


NodeV1.update_forward_refs()


class TypedNode(TypedDict):
    """A node."""

    name: Annotated[str, ..., "Its name."]
    children: list["TypedNode"]
    parent: NotRequired[Optional["TypedNode"]]
    leaf: "TypedLeaf | None"
    weight: Annotated[int, 3]


class TypedLeaf(TypedDict, total=False):
    kind: Required[Literal["a", "b"]]
    nodes: dict[str, "TypedNode"]
    tags: Sequence[str]


class Box(BaseModel, Generic[T]):
    """A box."""

    content: T


class Report(BaseModel):
    """A report."""

    scores: dict[str, int]


def plant(root: Node, depth: int = 1) -> str:
    """Plant a tree.

    Args:
        root: The root.
        depth: How deep.
    """
    return f"{root.name}{depth}"


NODE_SCHEMA: Json = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
    "required": ["name"],
}
MCP_SCHEMA: Json = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"root": {"$ref": "#/$defs/Node"}},
    "required": ["root"],
    "$defs": {"Node": NODE_SCHEMA},
}


def mcp_tool(schema: Json) -> StructuredTool:
    """Return a tool as langchain-mcp-adapters makes it: with a JSON schema."""
    return StructuredTool(name="plant", description="Plant a tree.", args_schema=schema, func=plant)


def parameters_of(given: Any, **options: Any) -> Json:
    parameters: Json = to_openai_tool(given, **options)["function"]["parameters"]
    return parameters


# ------------------------------------------------------------------------------------------------ recursion

CHILDREN = {"default": [], "items": {"$ref": "#/$defs/Node"}, "type": "array"}
PYDANTIC_NODE: Json = {
    "description": "A node.",
    "properties": {"name": {"type": "string"}, "children": CHILDREN},
    "required": ["name"],
    "type": "object",
}


def test_a_recursive_class_keeps_its_references() -> None:
    assert to_openai_tool(Node) == {
        "type": "function",
        "function": {
            "name": "Node",
            "description": "A node.",
            "parameters": {
                **{key: value for key, value in PYDANTIC_NODE.items() if key != "description"},
                "$defs": {"Node": PYDANTIC_NODE},
            },
        },
    }


def test_a_property_named_title_stays_where_titles_are_removed() -> None:
    assert parameters_of(Tree) == {
        "properties": {"title": {"type": "string"}, "root": {"$ref": "#/$defs/Node"}},
        "required": ["title", "root"],
        "type": "object",
        "$defs": {"Node": PYDANTIC_NODE},
    }


def test_a_recursive_class_of_pydantic_v1_keeps_its_references() -> None:
    parameters = parameters_of(NodeV1)

    assert parameters["properties"]["children"]["items"] == {"$ref": "#/definitions/NodeV1"}
    assert parameters["definitions"]["NodeV1"]["properties"]["name"] == {"type": "string"}


def test_a_recursive_typed_dict_keeps_its_references() -> None:
    converted = to_openai_tool(TypedNode)["function"]

    assert (converted["name"], converted["description"]) == ("TypedNode", "A node.")
    assert converted["parameters"]["required"] == ["name", "children", "leaf"]
    assert converted["parameters"]["properties"] == {
        "name": {"description": "Its name.", "type": "string"},
        "children": {"items": {"$ref": "#/$defs/TypedNode"}, "type": "array"},
        "parent": {"anyOf": [{"$ref": "#/$defs/TypedNode"}, {"type": "null"}]},
        "leaf": {"anyOf": [{"$ref": "#/$defs/TypedLeaf"}, {"type": "null"}]},
        "weight": {"default": 3, "type": "integer"},
    }
    assert converted["parameters"]["$defs"]["TypedLeaf"] == {
        "properties": {
            "kind": {"enum": ["a", "b"], "type": "string"},
            "nodes": {"additionalProperties": {"$ref": "#/$defs/TypedNode"}, "type": "object"},
            "tags": {"items": {"type": "string"}, "type": "array"},
        },
        "required": ["kind"],
        "type": "object",
    }


def test_a_recursive_typed_dict_within_a_function_keeps_its_references() -> None:
    class Local(TypedDict):
        inner: list["Local"]  # type: ignore[misc]  # mypy allows no recursion within a function

    assert parameters_of(Local)["properties"]["inner"]["items"] == {"$ref": "#/$defs/Local"}


def test_a_recursive_argument_of_a_function_keeps_its_references() -> None:
    converted = to_openai_tool(plant)["function"]

    assert (converted["name"], converted["description"]) == ("plant", "Plant a tree.")
    assert converted["parameters"]["properties"]["root"] == {"$ref": "#/$defs/Node", "description": "The root."}
    assert converted["parameters"]["$defs"] == {"Node": PYDANTIC_NODE}


def test_a_recursive_argument_of_a_tool_keeps_its_references() -> None:
    converted = to_openai_tool(tool("garden")(plant))["function"]

    assert (converted["name"], converted["description"]) == ("garden", plant.__doc__ and plant.__doc__.strip())
    assert converted["parameters"]["properties"]["root"] == {"$ref": "#/$defs/Node"}


def test_a_recursive_schema_of_an_mcp_tool_is_sent_as_it_is() -> None:
    assert to_openai_tool(mcp_tool(MCP_SCHEMA)) == {
        "type": "function",
        "function": {"name": "plant", "description": "Plant a tree.", "parameters": MCP_SCHEMA},
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"child": {"$ref": "#"}}},
        {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"$ref": "#/properties/a"}}}}},
        {
            "type": "object",
            "properties": {"a": {"anyOf": [{"$ref": "#/$defs/x~1y"}, {"type": "null"}]}},
            "$defs": {"x/y": {"type": "array", "items": [{"$ref": "#/$defs/z"}]}, "z": {"$ref": "#/$defs/x~1y"}},
        },
    ],
)
def test_every_way_of_recursion_is_kept(schema: Json) -> None:
    assert parameters_of(mcp_tool(schema)) == schema


SHARED: Json = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/A"}},
    "$defs": {"A": {"type": "object", "properties": {"c": {"$ref": "#/$defs/C"}}}, "C": {"type": "string"}},
}


class Plain(TypedDict):
    """Plain."""

    content: str


class Unresolvable(TypedDict):
    """Unresolvable."""

    content: "Missing"  # type: ignore[name-defined]  # what is tested  # noqa: F821


@pytest.mark.parametrize(
    "given",
    [Box[int], Report, Plain, mcp_tool(SHARED), len, {"title": "x", "type": "object", "properties": {}}, SHARED],
)
def test_what_is_not_recursive_is_converted_by_langchain(given: Any) -> None:
    def outcome(convert: Callable[[Any], Any]) -> Any:
        try:
            return convert(given)
        except ValueError as error:
            return str(error)

    assert outcome(to_openai_tool) == outcome(convert_to_openai_tool)


@pytest.mark.parametrize("given", [Unresolvable, create_model("Model", content=(Callable[[], int], ...))])
def test_what_cannot_be_converted_has_the_error_of_langchain(given: Any) -> None:
    with pytest.raises((NameError, TypeError, ValueError, PydanticInvalidForJsonSchema)) as expected:
        convert_to_openai_tool(given)
    with pytest.raises(type(expected.value)) as caught:
        to_openai_tool(given)

    assert str(caught.value) == str(expected.value)


@pytest.mark.parametrize("schema", [Node, Tree, TypedNode])
def test_a_recursive_response_format_keeps_its_references(schema: Any) -> None:
    sent = to_response_format(schema)["json_schema"]

    assert sent["schema"] == {
        "title": schema.__name__,
        "description": schema.__doc__,
        **parameters_of(schema),
    }
    assert (sent["name"], sent["description"], sent["strict"]) == (schema.__name__, schema.__doc__, True)


@pytest.mark.parametrize("schema", [Report, Plain, {"title": "x", "type": "object", "properties": {"a": {}}}])
def test_a_response_format_that_is_not_recursive_equals_langchains(schema: Any) -> None:
    assert to_response_format(schema)["json_schema"]["schema"] == convert_to_json_schema(schema)


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
@pytest.mark.parametrize("schema", [Node, TypedNode])
def test_an_object_of_a_recursive_schema_is_parsed(
    server: Server, stub: ProtocolStub, schema: Any, method: Any
) -> None:
    answer = {"name": "a", "children": [{"name": "b", "children": []}]}
    function = {"name": schema.__name__, "arguments": json.dumps(answer)}
    calls = [{"index": 0, "id": "1", "type": "function", "function": function}]
    message = {"content": ""} | (
        {"tool_calls": calls} if method == "function_calling" else {"content": json.dumps(answer)}
    )
    server.script(stub.answer_with(message))

    found = (
        stub.llm(server, model="qwen3.7-plus", enable_thinking=False)
        .with_structured_output(schema, method=method)
        .invoke("Answer in JSON.")
    )

    assert (found.model_dump() if isinstance(found, BaseModel) else found) == answer


# ------------------------------------------------------------------------------------------------ strict


class Open(BaseModel):
    """Open."""

    model_config = ConfigDict(extra="allow")

    name: str


class Nested(BaseModel):
    """Nested."""

    reports: list[Report]
    either: Report | dict[str, str] | None = None


class TypedReport(TypedDict):
    """A report."""

    scores: dict[str, int]
    more: dict  # type: ignore[type-arg]  # what is tested


OPEN: list[tuple[Any, list[str]]] = [
    (Report, ["Report.scores"]),
    (Open, ["Open"]),
    (Nested, ["Nested.either", "Nested.either.scores", "Nested.reports.scores"]),
    (TypedReport, ["TypedReport.more", "TypedReport.scores"]),
    ({"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "object"}}}}, ["f.a"]),
    ({"type": "function", "function": to_openai_tool(Report)["function"]}, ["Report.scores"]),
    (
        mcp_tool({**MCP_SCHEMA, "$defs": {"Node": {**NODE_SCHEMA, "additionalProperties": {"type": "integer"}}}}),
        ["Node"],
    ),
]


@pytest.mark.parametrize(("given", "names"), OPEN, ids=[str(names) for _, names in OPEN])
def test_strict_refuses_objects_of_any_keys_by_name(given: Any, names: list[str]) -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        to_openai_tool(given, strict=True)

    assert f", but {', '.join(map(repr, names))} may have any keys" in caught.value.message


def test_strict_refuses_a_response_format_of_any_keys_by_name() -> None:
    with pytest.raises(UnsupportedInputError, match=r"'Report\.scores' may have any keys"):
        to_response_format(Report, strict=True)


@pytest.mark.parametrize("strict", [None, False])
def test_objects_of_any_keys_are_sent_open_without_strict(*, strict: bool | None) -> None:
    scores = parameters_of(Report, strict=strict)["properties"]["scores"]

    assert scores == {"additionalProperties": {"type": "integer"}, "type": "object"}


def test_strict_closes_every_object_of_a_recursive_schema() -> None:
    parameters = parameters_of(Tree, strict=True)

    assert parameters["additionalProperties"] is False
    assert parameters["$defs"]["Node"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "given",
    [
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "name": "f"},
        {"name": "f", "description": None},
    ],
)
def test_strict_is_sent_with_a_tool_in_openais_format(given: Json) -> None:
    function = to_openai_tool(given, strict=True)["function"]

    assert function["strict"] is True
    assert function["parameters"] == {"type": "object", "properties": {}, "additionalProperties": False}


def test_a_tool_in_the_format_of_responses_is_sent_in_that_of_chat_completions() -> None:
    flat = {"type": "function", "name": "f", "parameters": MCP_SCHEMA}

    assert to_openai_tool(flat) == {"type": "function", "function": {"name": "f", "parameters": MCP_SCHEMA}}


def test_keys_beside_a_function_stay_under_strict() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}

    assert to_openai_tool({"type": "function", "function": {"name": "f"}, **mark}, strict=True).items() >= mark.items()


def test_strict_is_not_added_to_a_tool_that_the_service_runs() -> None:
    assert to_openai_tool({"type": "web_search"}, strict=True) == {"type": "web_search"}


# ------------------------------------------------------------------------------------------------ bind_tools


def test_tools_are_bound_with_recursive_schemas(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    stub.llm(server).bind_tools([Tree, mcp_tool(MCP_SCHEMA), plant], strict=None).invoke("Hi")

    assert all("$defs" in sent["function"]["parameters"] for sent in stub.parameters_sent(server)["tools"])


def test_binding_refuses_objects_of_any_keys_under_strict() -> None:
    with pytest.raises(UnsupportedInputError, match=r"'Report\.scores' may have any keys"):
        OPENAI.llm("http://127.0.0.1:9").bind_tools([Report], strict=True)
