"""The names under which tools are sent: those that the service accepts, which no other tool has."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._tool_names import rename_tools, valid_tool_name
from tests.support.encoding import encode


def tool(name: str) -> Json:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def sent_names(*names: str, reserves_names: bool = True) -> list[str]:
    tools = [tool(name) for name in names]
    parameters, own_names = rename_tools({"tools": tools}, (), reserves_names=reserves_names)
    sent = [entry["function"]["name"] for entry in parameters["tools"]]
    assert [own_names.get(name, name) for name in sent] == list(names)
    assert tools == [tool(name) for name in names]
    return sent


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("get_weather", "get_weather"),
        ("search_web", "search_web"),
        ("Search", "Search"),
        ("search", "search_tool"),
        ("Box[int]", "Box_int"),
        ("Box[Box[int]]", "Box_Box_int"),
        ("My title, with signs!", "My_title_with_signs"),
        ("files.read", "files_read"),
        ("[search]", "search_tool"),
        ("天气", "tool_fc4711bc"),
        ("查询weather", "weather_b9958128"),
        ("🌦", "tool_f9eee7ec"),
        ("a" * 64, "a" * 64),
    ],
)
def test_a_name_becomes_one_that_the_service_accepts(name: str, sent: str) -> None:
    assert sent_names(name) == [sent]


@pytest.mark.parametrize("names", [("search", "search_tool"), ("a b", "a_b"), ("a b", "a.b"), ("a" * 65, "a" * 66)])
def test_two_tools_never_get_the_same_name(names: tuple[str, str]) -> None:
    first, second = sent_names(*names)

    assert first != second


@given(st.lists(st.text(min_size=1), unique=True, max_size=4))
def test_every_name_is_sent_in_the_form_of_the_service_and_translated_back(names: list[str]) -> None:
    sent = sent_names(*names)

    assert len(set(sent)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) and name != "search" for name in sent)


def test_a_reserved_name_is_sent_as_it_is_to_other_servers() -> None:
    assert sent_names("search", "Box[int]", reserves_names=False) == ["search", "Box_int"]


def test_nothing_is_copied_where_every_name_is_accepted() -> None:
    parameters: Json = {"tools": [tool("look")], "tool_choice": "auto"}

    assert rename_tools(parameters, (), reserves_names=True)[0] is parameters


def test_the_name_is_replaced_in_the_choice_and_the_history() -> None:
    calls = [{"name": "search", "args": {}, "id": "a"}, {"name": "look", "args": {}, "id": "b"}]
    broken = {"type": "invalid_tool_call", "name": "search", "args": "{", "id": "c", "error": "?"}
    turn = AIMessage("", tool_calls=calls, invalid_tool_calls=[broken], name="search")
    result = ToolMessage("Found.", tool_call_id="a", name="search")

    body = encode(
        HumanMessage("Hi", name="search"),
        turn,
        result,
        tools=[{"type": "web_search"}, tool("search")],
        tool_choice={"type": "function", "function": {"name": "search"}},
    ).body

    question, sent_turn, sent_result = body["messages"]
    assert [call["function"]["name"] for call in sent_turn["tool_calls"]] == ["search_tool", "look", "search_tool"]
    assert (question["name"], sent_turn["name"], sent_result["name"]) == ("search", "search", "search_tool")
    assert body["tool_choice"]["function"]["name"] == "search_tool"
    assert body["tools"] == [{"type": "web_search"}, tool("search_tool")]


def test_a_valid_name_stays() -> None:
    assert valid_tool_name("Box") == "Box"
