"""The rules that turn a request into an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from langchain_qwen_workspace.sandbox import _tokens
from langchain_qwen_workspace.sandbox._chat import rules
from langchain_qwen_workspace.sandbox._chat.conversation import ChatRequest, Message, Tool, ToolCall
from langchain_qwen_workspace.sandbox._chat.prompt_literals import Literals
from langchain_qwen_workspace.sandbox._chat.schema_values import arguments, instance
from langchain_qwen_workspace.sandbox._models import ChatModel

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}


def _object(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


def _request(prompt: str, *tools: Tool, **more: Any) -> ChatRequest:
    return ChatRequest(ChatModel("m"), (Message("user", prompt),), tools=tools, **more)


def _called_tools(prompt: str, *tools: Tool, **more: Any) -> list[tuple[str, Any]]:
    (answer,) = rules.answers(_request(prompt, *tools, **more))
    return [(call.name, json.loads(call.arguments)) for call in answer.calls]


_MAGIC = Tool("magic_function", "Apply a magic function to an input.", _object(input=_INTEGER))
_WEATHER = Tool("get_weather", "Get the current weather for a location.", _object(location=_STRING))


@pytest.mark.parametrize(
    ("prompt", "tool", "expected"),
    [
        ("What is the value of magic_function(3)? Use the tool.", _MAGIC, {"input": 3}),
        ("What is the weather in San Francisco, CA?", _WEATHER, {"location": "San Francisco, CA"}),
        (
            "Multiply 6 by 7.",
            Tool("multiply", "Multiply two numbers.", _object(a=_INTEGER, b=_INTEGER)),
            {"a": 6, "b": 7},
        ),
        (
            "Using the tool, generate a Pirate response to: hello",
            Tool("greeting_generator", "Generate a greeting.", _object(answer_style=_STRING)),
            {"answer_style": "Pirate"},
        ),
        (
            "Create a customer named '你好啊集团' (Hello Group)",
            Tool("create_customer", "Create a customer.", _object(customer_name=_STRING)),
            {"customer_name": "你好啊集团"},
        ),
        ("查询杭州的天气", Tool("weather", "获取天气", _object(city=_STRING)), {"city": "杭州"}),
        (
            "Convert 20.5 to fahrenheit",
            Tool("convert", "", _object(value={"type": "number"}, unit={"enum": ["celsius", "fahrenheit"]})),
            {"value": 20.5, "unit": "fahrenheit"},
        ),
        ("Use ping now", Tool("ping", "", {}), {}),
    ],
)
def test_a_matching_tool_is_called_with_the_literals_of_the_prompt(
    prompt: str, tool: Tool, expected: dict[str, Any]
) -> None:
    assert _called_tools(prompt, tool) == [(tool.name, expected)]


def test_tools_that_do_not_match_are_not_called_tools() -> None:
    assert _called_tools("Hello!", _MAGIC) == []
    assert _called_tools("Tell me a joke", _MAGIC, _WEATHER) == []


def test_a_tool_is_called_without_a_match_if_tool_choice_is_required() -> None:
    assert _called_tools("Hello!", _MAGIC, _WEATHER, tool_choice="required") == [("magic_function", {"input": 1})]


def test_one_tool_is_called_for_each_listed_value() -> None:
    assert _called_tools("Weather in Paris and Rome?", _WEATHER, parallel=True) == [
        ("get_weather", {"location": "Paris"}),
        ("get_weather", {"location": "Rome"}),
    ]
    assert _called_tools("Weather in Paris and Rome?", _WEATHER) == [("get_weather", {"location": "Paris"})]


@pytest.mark.parametrize(
    ("prompt", "tool", "expected"),
    [
        ("Weather in Paris?", _WEATHER, {"location": "Paris"}),
        ('magic_function of 3 for "Ann" and "Bob"', _MAGIC, {"input": 3}),
    ],
)
def test_a_tool_is_called_once_if_the_prompt_lists_no_texts(prompt: str, tool: Tool, expected: dict[str, Any]) -> None:
    assert _called_tools(prompt, tool, parallel=True) == [(tool.name, expected)]


def test_two_tools_named_in_the_prompt_are_called_in_turn() -> None:
    prompt = "Use get_weather for Paris, then magic_function on 4."
    first = _request(prompt, _WEATHER, _MAGIC)
    (answer,) = rules.answers(first)
    assert [call.name for call in answer.calls] == ["get_weather"]
    done = (
        *first.messages,
        Message("assistant", calls=(ToolCall("1", "get_weather", "{}"),)),
        Message("tool", "x", call_id="1"),
    )
    (answer,) = rules.answers(ChatRequest(first.model, done, tools=first.tools))
    assert [(call.name, call.arguments) for call in answer.calls] == [("magic_function", '{"input": 4}')]
    last = (
        *done,
        Message("assistant", calls=(ToolCall("2", "magic_function", "{}"),)),
        Message("tool", "y", call_id="2"),
    )
    (answer,) = rules.answers(ChatRequest(first.model, last, tools=first.tools))
    assert answer.text == 'Model Studio sandbox, not a language model. The tool answered: "y"'


def test_a_tool_result_ends_the_calls_if_the_prompt_names_no_other_tool() -> None:
    time = Tool("get_time", "Get the time.", _object(location=_STRING))
    call = Message("assistant", calls=(ToolCall("1", "get_weather", "{}"),))
    messages = (Message("user", "What are weather and time in Paris?"), call, Message("tool", "sunny", call_id="1"))
    (answer,) = rules.answers(ChatRequest(ChatModel("m"), messages, tools=(_WEATHER, time)))
    assert answer.calls == ()
    assert answer.text.endswith('"sunny"')


def test_all_tool_results_at_the_end_are_quoted() -> None:
    messages = (Message("user", "weather?"), Message("tool", "one"), Message("tool", "two"))
    (answer,) = rules.answers(ChatRequest(ChatModel("m"), messages))
    assert answer.text.endswith('"one"; "two"')


def test_arguments_have_optional_parameters_only_if_the_prompt_names_them() -> None:
    schema = _object(["city"], city=_STRING, unit={"enum": ["c", "f"]}, days=_INTEGER, note=_STRING)
    assert arguments(schema, Literals("weather in Oslo")) == {"city": "Oslo"}
    assert arguments(schema, Literals("weather in Oslo, days: 3")) == {"city": "Oslo", "days": 3}


def test_an_argument_is_the_value_after_its_name() -> None:
    assert arguments(_object(note=_STRING), Literals('say "hello", note: milk')) == {"note": "milk"}


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"const": 5}, "", 5),
        ({"anyOf": [{"type": "null"}, _STRING]}, 'say "hi"', "hi"),
        ({"type": ["null", "integer"]}, "7", 7),
        ({"type": "array", "items": _INTEGER}, "1, 2 and 3", [1, 2, 3]),
        ({"type": "array", "items": _STRING}, 'say "a" and "b"', ["a", "b"]),
        ({"type": "array", "items": _STRING, "maxItems": 1}, 'say "a" and "b"', ["a"]),
        ({"type": "array", "items": _STRING}, "", ["sandbox answer"]),
        ({"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2}, "y", ["y", "y"]),
        ({"type": "integer", "minimum": 10, "maximum": 20}, "3", 10),
        ({"type": "integer", "exclusiveMaximum": 4, "multipleOf": 2}, "3", 4 - 0),
        ({"type": "integer", "exclusiveMinimum": 4}, "4", 5),
        ({"type": "number", "exclusiveMinimum": 4}, "4", 4.5),
        ({"type": "integer", "exclusiveMaximum": 4}, "9", 3),
        ({"type": "number", "default": 0.5}, "", 0.5),
        (_object(days=_INTEGER), "days: many, or 3", {"days": 3}),
        (_object(loud={"type": "boolean"}), "loud: no", {"loud": False}),
        (_object(quiet={"type": "boolean", "default": False}), "quiet: yes", {"quiet": True}),
        (_object(unit={"enum": ["a", "b"]}), "a scale with unit: b", {"unit": "b"}),
        ({"enum": ["a", "b"]}, "neither", "a"),
        ({"type": "boolean", "default": False}, "", False),
        ({"type": "string", "format": "date"}, "on 2026-11-23", "2026-11-23"),
        ({"type": "string", "format": "date"}, "", "2025-01-01"),
        (_INTEGER, "2.5 or 3", 3),
        ({"type": "string", "format": "email"}, "mail ada@example.org please", "ada@example.org"),
        ({"type": "string", "minLength": 3, "maxLength": 4}, 'say "a"', "a.."),
        ({"allOf": [_object(a={"const": 1}), _object(b={"const": 2})]}, "", {"a": 1, "b": 2}),
        ({"type": "array", "prefixItems": [_INTEGER, _STRING]}, '4 "x"', [4, "x"]),
        (_object([], inner=_object(deep=_INTEGER)), "9", {"inner": {"deep": 9}}),
        ({"oneOf": [_object(kind={"const": "cat"}), _object(kind={"const": "dog"})]}, "a dog", {"kind": "dog"}),
    ],
)
def test_instance_fits_the_schema(schema: dict[str, Any], text: str, expected: Any) -> None:
    assert instance(schema, Literals(text)) == expected


def test_references_are_resolved_and_recursion_ends() -> None:
    node = _object(["value"], value=_INTEGER, children={"type": "array", "items": {"$ref": "#/$defs/Node"}})
    built = instance({"$ref": "#/$defs/Node", "$defs": {"Node": node}}, Literals("1 2 3"))
    assert built["value"] == 1
    assert built["children"][0]["value"] == 2
    optional = _object(["next"], next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]})
    assert instance({"$ref": "#/$defs/Node", "$defs": {"Node": optional}}, Literals(""))["next"]["next"]


def test_required_recursion_ends_with_an_empty_list() -> None:
    node = _object(children={"type": "array", "items": {"$ref": "#/$defs/Node"}})
    built = instance({"$ref": "#/$defs/Node", "$defs": {"Node": node}}, Literals(""))
    while built["children"]:
        (built,) = built["children"]
    assert built == {"children": []}


def test_a_reference_to_itself_ends() -> None:
    assert instance({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, Literals("")) == "sandbox answer"


def test_a_json_object_fits_the_schema_in_the_prompt() -> None:
    schema = json.dumps(_object(city=_STRING, degrees=_INTEGER))
    example = '{"properties": {"foo": {"type": "string"}}, "required": ["foo"]}'
    prompt = f"Answer as JSON. As an example, {example}. Here is the schema: {schema}\nIt is 21 in Oslo."
    (answer,) = rules.answers(_request(prompt, output_format="object"))
    assert set(json.loads(answer.text)) == {"city", "degrees"}


def test_a_json_object_without_named_keys_has_an_answer() -> None:
    (answer,) = rules.answers(_request("Reply in JSON.", output_format="object"))
    assert json.loads(answer.text) == {"answer": "sandbox: Reply in JSON."}


def test_braces_that_are_not_a_schema_are_ignored() -> None:
    prompt = f'JSON, not {{this}}, but {json.dumps(_object(city=_STRING))}, and not {{"foo": 1}}'
    (answer,) = rules.answers(_request(prompt, output_format="object"))
    assert set(json.loads(answer.text)) == {"city"}


@pytest.mark.parametrize(
    ("most", "calls", "finish"),
    [
        (2, [], "length"),
        (4, ['{"'], "length"),
        (12, ['{"location": "Paris"}'], "length"),
        (18, ['{"location": "Paris"}', '{"location'], "length"),
        (24, ['{"location": "Paris"}', '{"location": "Rome"}'], "tool_calls"),
    ],
)
def test_tool_calls_are_cut_at_the_token_limit(most: int, calls: list[str], finish: str) -> None:
    (answer,) = rules.answers(_request("Weather in Paris and Rome?", _WEATHER, parallel=True, max_answer=most))
    assert ([call.arguments for call in answer.calls], answer.finish_reason) == (calls, finish)


@pytest.mark.parametrize(("most", "finish"), [(19, "length"), (20, "stop")])
def test_text_within_the_limit_is_not_cut(most: int, finish: str) -> None:
    (answer,) = rules.answers(_request("Hello", max_answer=most))
    assert (answer.text.endswith('"Hello"'), answer.finish_reason) == (finish == "stop", finish)


def test_a_schema_is_filled_from_tool_results() -> None:
    messages = (Message("user", "weather?"), Message("tool", "21 degrees"))
    (answer,) = rules.answers(
        ChatRequest(ChatModel("m"), messages, output_format="schema", schema=_object(report=_STRING))
    )
    assert json.loads(answer.text) == {"report": "21 degrees"}


@pytest.mark.parametrize("text", ["", " ", "Hello, world!", "你好 hello\n\n", "a" * 50, "😀 x"])
def test_tokens_and_pieces_join_to_the_text(text: str) -> None:
    assert "".join(_tokens.split(text)) == text
    assert "".join(_tokens.pieces(text)) == text


def test_media_and_reasoning_tokens_are_parts_of_the_totals() -> None:
    request = ChatRequest(ChatModel("m"), (Message("user", "Hello", media=("image", "image", "audio")),), thinking=True)
    used = rules.usage(request, rules.answers(request))
    assert used.media == (("audio", 64), ("image", 128))
    assert sum(number for _, number in used.media) < used.input
    assert 0 < used.reasoning < used.output
