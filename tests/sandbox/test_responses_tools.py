"""Functions and built-in tools of the Responses protocol, as the raw `openai` SDK sees them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.sandbox.support import PNG, TIME, WEATHER, call_item, create_response, function_tool, result_item

_THINKER = "qwen3.8-max"
_WEATHER, _TIME = function_tool(WEATHER), function_tool(TIME)
_MCP = {
    "type": "mcp",
    "server_protocol": "sse",
    "server_label": "amap-maps",
    "server_url": "https://example.com/sse",
    "headers": {"Authorization": "Bearer x"},
}
_FILE_SEARCH = {"type": "file_search", "vector_store_ids": ["kb_1"]}


def _types(response: Any) -> list[str]:
    return [item.type for item in response.output]


# --- functions ----------------------------------------------------------------------------------------


def test_a_function_is_called(openai_client: openai.OpenAI) -> None:
    item = create_response(openai_client, 'Get the weather in "Rome"', tools=[_WEATHER]).output[0].to_dict()
    assert item == {
        "arguments": '{"city": "Rome"}',
        "call_id": item["call_id"],
        "id": item["id"],
        "name": "get_weather",
        "status": "completed",
        "type": "function_call",
    }


def test_two_functions_are_called(openai_client: openai.OpenAI) -> None:
    prompt = 'Call get_weather for "Rome" and get_time for "Oslo"'
    calls = create_response(openai_client, prompt, tools=[_WEATHER, _TIME]).output
    assert {(call.name, call.arguments) for call in calls} == {
        ("get_weather", '{"city": "Rome"}'),
        ("get_time", '{"city": "Oslo"}'),
    }


def test_a_function_without_parameters_is_called(openai_client: openai.OpenAI) -> None:
    ping = {"type": "function", "name": "ping", "description": "Ping."}
    assert create_response(openai_client, "Call ping", tools=[ping]).output[0].arguments == "{}"


def test_a_model_that_needs_tool_stream_elsewhere_calls_functions_here(openai_client: openai.OpenAI) -> None:
    response = create_response(openai_client, "Call get_weather", model="glm-5.2", tools=[_WEATHER])
    assert _types(response) == ["reasoning", "function_call"]


@pytest.mark.parametrize(
    ("choice", "types"),
    [
        ("auto", ["message"]),
        ("none", ["message"]),
        ("required", ["function_call"]),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_weather"}]},
            ["message"],
        ),
    ],
)
def test_a_choice_is_followed(openai_client: openai.OpenAI, choice: Any, types: list[str]) -> None:
    assert _types(create_response(openai_client, "Hello", tools=[_WEATHER], tool_choice=choice)) == types


def test_one_of_several_functions_is_forced_as_the_only_allowed_tool(openai_client: openai.OpenAI) -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_time"}]}
    response = create_response(openai_client, "Hello", tools=[_WEATHER, _TIME], tool_choice=choice)
    assert [(call.name, response.tool_choice) for call in response.output] == [("get_time", "required")]


def test_a_result_is_answered(openai_client: openai.OpenAI) -> None:
    given = [{"role": "user", "content": "Weather in Rome"}, call_item("Rome", "c1"), result_item("c1", "sunny")]
    assert create_response(openai_client, given, tools=[_WEATHER]).output_text.endswith('The tool answered: "sunny"')


def test_the_results_of_two_calls_are_answered(openai_client: openai.OpenAI) -> None:
    pairs = [call_item("Rome", "c1"), result_item("c1", "sunny"), call_item("Oslo", "c2"), result_item("c2", "snow")]
    response = create_response(openai_client, [{"role": "user", "content": "Weather"}, *pairs], tools=[_WEATHER])
    assert response.output_text.endswith('The tool answered: "sunny"; "snow"')


def test_the_results_of_an_earlier_round_are_not_repeated(openai_client: openai.OpenAI) -> None:
    thought = {"type": "reasoning", "id": "msg_1", "summary": [{"type": "summary_text", "text": "Next."}]}
    rounds = [
        call_item("Rome", "c1"),
        result_item("c1", "sunny"),
        thought,
        call_item("Oslo", "c2"),
        result_item("c2", "snow"),
    ]
    response = create_response(openai_client, [{"role": "user", "content": "Weather"}, *rounds], tools=[_WEATHER])
    assert response.output_text.endswith('The tool answered: "snow"')


# --- built-in tools -----------------------------------------------------------------------------------

_FIELDS: dict[str, tuple[Any, set[str]]] = {
    "web_search": ({"type": "web_search"}, {"action"}),
    "code_interpreter": ({"type": "code_interpreter"}, {"code", "outputs", "container_id"}),
    "web_search_image": ({"type": "web_search_image"}, {"name", "arguments", "output"}),
    "file_search": (_FILE_SEARCH, {"queries", "results"}),
    "mcp": (_MCP, {"name", "server_label", "arguments", "output"}),
}


@pytest.mark.parametrize("name", _FIELDS)
def test_a_built_in_tool_makes_its_item(openai_client: openai.OpenAI, name: str) -> None:
    tool, fields = _FIELDS[name]
    item = create_response(openai_client, "Hello", model=_THINKER, tools=[tool]).output[1].to_dict()
    assert (item["type"], item["status"], set(item)) == (
        f"{name}_call",
        "completed",
        fields | {"id", "type", "status"},
    )


def test_reasoning_comes_before_and_after_a_built_in_tool(openai_client: openai.OpenAI) -> None:
    response = create_response(openai_client, "Hello", model=_THINKER, tools=[{"type": "web_search"}])
    assert _types(response) == ["reasoning", "web_search_call", "reasoning", "message"]


def test_a_search_has_its_query_and_sources(openai_client: openai.OpenAI) -> None:
    tools = [{"type": "web_search"}]
    action = create_response(openai_client, "Hello", model=_THINKER, tools=tools).output[1].action.to_dict()
    assert (action["query"], [source["type"] for source in action["sources"]]) == ("Hello", ["url", "url"])


def test_a_search_finds_the_same_for_the_same_query(openai_client: openai.OpenAI) -> None:
    def sources() -> Any:
        response = create_response(openai_client, "Hello", model=_THINKER, tools=[{"type": "web_search"}])
        return response.output[1].action.to_dict()["sources"]

    assert sources() == sources()


@pytest.mark.parametrize(
    ("prompt", "urls"), [("Read https://example.org/a.", ["https://example.org/a"]), ("Hello", None)]
)
def test_an_extractor_reads_the_urls_of_the_prompt_or_the_first_source(
    openai_client: openai.OpenAI, prompt: str, urls: list[str] | None
) -> None:
    tools = [{"type": "web_search"}, {"type": "web_extractor"}]
    search, extractor = create_response(openai_client, prompt, model=_THINKER, tools=tools).output[1:3]
    found = search.action.to_dict()["sources"][0]["url"]
    assert (extractor.urls, extractor.goal) == (urls or [found], prompt)


@pytest.mark.parametrize(("prompt", "logs"), [("Add 2 and 40.5", "42.5\n"), ("Hello", "Hello\n")])
def test_a_code_interpreter_adds_the_numbers_of_the_prompt(
    openai_client: openai.OpenAI, prompt: str, logs: str
) -> None:
    tools = [{"type": "code_interpreter"}]
    assert create_response(openai_client, prompt, model=_THINKER, tools=tools).output[1].outputs[0].logs == logs


@pytest.mark.parametrize("with_image", [True, False])
def test_an_image_is_searched_if_there_is_one(openai_client: openai.OpenAI, with_image: bool) -> None:
    content = [{"type": "input_text", "text": "Hello"}, {"type": "input_image", "image_url": PNG}]
    given = [{"role": "user", "content": content[: 1 + with_image]}]
    response = create_response(openai_client, given, model=_THINKER, tools=[{"type": "image_search"}])
    assert ("image_search_call" in _types(response)) is with_image


def test_image_results_are_json(openai_client: openai.OpenAI) -> None:
    tools = [{"type": "web_search_image"}]
    item = create_response(openai_client, "cats", model=_THINKER, tools=tools).output[1]
    assert (json.loads(item.arguments), [set(found) for found in json.loads(item.output)]) == (
        {"queries": ["cats"]},
        [{"title", "url", "index"}] * 2,
    )


def test_calls_of_built_in_tools_are_counted(openai_client: openai.OpenAI) -> None:
    """MCP is not among them (dump of the docs)."""
    tools = [{"type": "web_search"}, {"type": "web_extractor"}, _MCP]
    usage = create_response(openai_client, "Hello", model=_THINKER, tools=tools).usage
    assert usage.x_tools == usage.x_details[0]["plugins"] == {"web_search": {"count": 1}, "web_extractor": {"count": 1}}


def test_a_built_in_tool_and_a_function_are_called_together(openai_client: openai.OpenAI) -> None:
    tools = [{"type": "web_search"}, _WEATHER]
    response = create_response(openai_client, "Call get_weather", model="qwen3-max", tools=tools)
    assert _types(response) == ["web_search_call", "function_call"]


def test_a_built_in_tool_is_not_called_after_aresult_item(openai_client: openai.OpenAI) -> None:
    given = [{"role": "user", "content": "Weather"}, call_item("Rome", "c1"), result_item("c1", "sunny")]
    response = create_response(openai_client, given, model="qwen3-max", tools=[{"type": "web_search"}, _WEATHER])
    assert _types(response) == ["message"]


def test_a_forbidden_built_in_tool_is_not_called(openai_client: openai.OpenAI) -> None:
    tools = [{"type": "web_search"}]
    assert _types(create_response(openai_client, "Hello", model="qwen3-max", tools=tools, tool_choice="none")) == [
        "message"
    ]
