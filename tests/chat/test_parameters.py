"""Parameters: how fields, `model_kwargs`, `extra_body` and arguments of a call are sent, and which of them wins."""

import warnings
from typing import Any

import pytest

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Server

TOOL: Json = {"type": "function", "function": {"name": "look", "description": "", "parameters": {}}}
FORCED: Json = {"type": "function", "function": {"name": "look"}}
TEXT, MULTIMODAL = "/text-generation/generation", "/multimodal-generation/generation"


def test_standard_parameters_are_sent(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())

    stub.llm(server, temperature=0.5, max_tokens=7, stop=["."], api_key="sk-mine", streaming=False).invoke("Hi")

    sent = stub.parameters_sent(server)
    assert (sent["temperature"], sent["max_tokens"], sent["stop"]) == (0.5, 7, ["."])
    assert server.requests[0].headers["authorization"] == "Bearer sk-mine"


def test_the_services_own_parameters_are_sent_when_a_call_gives_them(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())
    given: dict[str, Any] = {
        "enable_thinking": True,
        "thinking_budget": 9,
        "top_k": 5,
        "enable_search": True,
        "search_options": {"forced_search": True},
        "repetition_penalty": 1.1,
    }

    stub.llm(server).invoke("Hi", extra_body={"skill": ["x"]}, **given)

    sent = stub.parameters_sent(server)
    assert {name: sent[name] for name in (*given, "skill")} == {**given, "skill": ["x"]}
    assert "extra_body" not in str(server.bodies[0])


@pytest.mark.parametrize(
    "name",
    [
        "audio",
        "modalities",
        "ocr_options",
        "search_options",
        "skill",
        "thinking",
        "translation_options",
    ],
)
def test_a_documented_parameter_with_any_value_gives_no_warning(server: Server, stub: ProtocolStub, name: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stub.llm(server, **{name: {}})
    assert [str(warning.message) for warning in caught] == []


@pytest.mark.parametrize("name", ["temprature", "enable_thinkin", "maxTokens"])
def test_an_undocumented_parameter_is_sent_with_a_warning(server: Server, stub: ProtocolStub, name: str) -> None:
    server.default = stub.reply_to

    with pytest.warns(UserWarning, match=f"`{name}` is not a parameter that Model Studio documents") as caught:
        llm = stub.llm(server, **{name: 1})
    assert len(caught) == 1
    llm.invoke("Hi")
    assert stub.parameters_sent(server)[name] == 1

    plain: Any = stub.llm(server)
    with pytest.warns(UserWarning, match=f"`{name}` is not a parameter") as caught:
        plain.invoke("Hi", **{name: 2})
    assert len(caught) == 1
    assert stub.parameters_sent(server)[name] == 2


def test_a_misspelt_parameter_of_a_call_gives_a_warning_that_suggests_one(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    misspelt: dict[str, Any] = {"temprature": 1}

    with pytest.warns(UserWarning, match=r"Did you mean `temperature`\?"):
        stub.llm(server).invoke("Hi", **misspelt)


def test_no_setting_of_the_model_is_suggested_for_a_call(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    misspelt: dict[str, Any] = {"timout": 5}

    with pytest.warns(UserWarning, match=r"sent unchanged\. Check its spelling\."):
        stub.llm(server).invoke("Hi", **misspelt)


def test_extra_body_is_sent_without_a_warning(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server, extra_body={"brand_new": 1}).invoke("Hi", extra_body={"newer": 2})

    assert (stub.parameters_sent(server)["brand_new"], stub.parameters_sent(server)["newer"]) == (1, 2)


def test_extra_body_replaces_stream_options(server: Server) -> None:
    server.default = OPENAI.reply_to
    options = {"stream_options": {"include_usage": False}}

    list(OPENAI.llm(server, extra_body=options).stream("Hi"))

    assert server.bodies[0]["stream_options"] == options["stream_options"]


def test_none_in_a_call_removes_a_default(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, temperature=0.5, stop=["."], enable_thinking=True, seed=3)

    llm.invoke("Hi", temperature=None, enable_thinking=None)

    assert not {"temperature", "enable_thinking"} & stub.parameters_sent(server).keys()
    assert (stub.parameters_sent(server)["stop"], stub.parameters_sent(server)["seed"]) == (["."], 3)


@pytest.mark.parametrize(("stop", "expected"), [([], None), (None, ["."]), (["!"], ["!"])])
def test_stop_of_a_call_replaces_the_fields(
    server: Server, stub: ProtocolStub, stop: list[str] | None, expected: list[str] | None
) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, stop=["."])

    llm.invoke("Hi", stop=stop)
    assert stub.parameters_sent(server).get("stop") == expected
    list(llm.stream("Hi", stop=stop))
    assert stub.parameters_sent(server).get("stop") == expected


def test_the_calls_own_model_decides_endpoint_and_streaming(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server)

    for model, path, streams in (
        ("qwen-plus", TEXT, False),
        ("qwen3.7-plus", MULTIMODAL, False),
        ("qwq-plus", TEXT, True),
        ("qwen3-32b", TEXT, True),
        (None, TEXT, False),
    ):
        llm.invoke("Hi", model=model)
        received = server.requests[-1]
        assert received.json["model"] == (model or "qwen-plus")
        assert stub.is_streamed(received) == streams
        if stub.is_dashscope:
            assert received.path.endswith(path)


def test_the_calls_own_model_decides_what_is_refused(server: Server, stub: ProtocolStub) -> None:
    llm = stub.llm(server, enable_thinking=True)

    with pytest.raises(UnsupportedInputError, match="'qwen-max' does not think"):
        llm.invoke("Hi", model="qwen-max")
    server.default = stub.reply_to
    with pytest.warns(UserWarning, match="'qwen3.7-plus' cannot be forced to call a tool while it thinks"):
        llm.bind(tools=[TOOL], tool_choice=FORCED, model="qwen3.7-plus").invoke("Hi")


def test_base_model_does_not_apply_to_the_calls_own_model(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="my-deployment", base_model="qwen3.7-plus")

    llm.invoke("Hi")
    llm.invoke("Hi", model="qwen-plus")

    if stub.is_dashscope:
        assert [received.path.endswith(MULTIMODAL) for received in server.requests] == [True, False]
    assert [body["model"] for body in server.bodies] == ["my-deployment", "qwen-plus"]
