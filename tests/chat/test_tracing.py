"""What LangChain's tracers and callbacks read of a call, and what of a call is not a parameter: its headers."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langchain_qwen_workspace import ConfigurationError, QwenWorkspaceError, UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from tests.support.callbacks import CallbackRecorder
from tests.support.protocols import DASHSCOPE, OPENAI, USAGE, ProtocolStub
from tests.support.server import Server
from tests.support.ways import WAYS, Way, ask_by

by_way = pytest.mark.parametrize("way", WAYS)
COUNTS = {"prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50}


# ------------------------------------------------------------------------------------------------ llm_output


@pytest.mark.parametrize("streaming", [None, True])
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_the_output_has_the_models_name_and_the_usage(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner, *, streaming: bool | None
) -> None:
    reply = stub.stream_of([{"content": "Hello"}]) if streaming else stub.answer_with({"content": "Hello"})
    server.script(reply)
    recorder = CallbackRecorder()
    # A model that only streams is streamed by `invoke` itself.
    fields: Json = {"model": "qwq-plus"} if streaming else {}

    ask_by(way, stub.llm(server, callbacks=[recorder], **fields), runner)

    output = recorder.results[0].llm_output
    assert output["model_name"] in {"qwen-plus", "qwq-plus"}
    assert {name: output["token_usage"][name] for name in COUNTS} == COUNTS


def test_the_output_of_several_prompts_is_summed(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.answer_with({"content": "Hello"})

    output = stub.llm(server).generate([[HumanMessage("a")], [HumanMessage("b")]]).llm_output

    assert output is not None
    assert {name: output["token_usage"][name] for name in COUNTS} == {name: 2 * n for name, n in COUNTS.items()}
    assert output["model_name"] == "qwen-plus"


def test_the_details_of_the_usage_are_summed(server: Server) -> None:
    server.default = lambda _: OPENAI.answer_with({"content": "Hello"})

    output = OPENAI.llm(server).generate([[HumanMessage("a")], [HumanMessage("b")]]).llm_output

    assert output is not None
    details = output["token_usage"]["completion_tokens_details"]
    assert details == {"reasoning_tokens": 2 * USAGE["output_token_details"]["reasoning"], "audio_tokens": None}  # type: ignore[index]


def test_an_answer_without_usage_has_an_output_without_it(server: Server) -> None:
    server.script(OPENAI.answer_with({"content": "Hello"}, usage={"total_tokens": None}))

    output = OPENAI.llm(server).generate([[HumanMessage("a")]]).llm_output

    assert output == {"model_name": "qwen-plus", "token_usage": {}}


# ------------------------------------------------------------------------------------------------ stop


@pytest.mark.parametrize(
    ("field", "call", "expected"),
    [
        (["."], None, ["."]),
        (".", None, ["."]),
        (["."], ["!"], ["!"]),
        (None, ["!"], ["!"]),
        (None, None, None),
        ([37763], None, None),
    ],
    ids=str,
)
def test_the_tracers_get_the_stop_sequences(field: Any, call: Any, expected: Any) -> None:
    llm = OPENAI.llm("http://127.0.0.1:9", stop=field)

    assert llm._get_ls_params(stop=call).get("ls_stop") == expected


# ------------------------------------------------------------------------------------------------ images


@by_way
@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": "aGk="},
        {"type": "image", "source_type": "base64", "data": "aGk="},
        {"type": "image", "source_type": "text", "text": "x"},
    ],
    ids=str,
)
def test_an_image_that_tracers_cannot_read_is_refused_with_our_error(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner, block: Json
) -> None:
    llm = stub.llm(server, model="qwen3-vl-plus")

    with pytest.raises(UnsupportedInputError, match=r"Message 1 \(HumanMessage\) has"):
        ask_by(way, llm, runner, [HumanMessage("Look:"), HumanMessage([block])])


@pytest.mark.parametrize("message", [HumanMessage, AIMessage])
def test_images_with_a_mime_type_or_a_url_are_traced_as_before(server: Server, message: Any) -> None:
    server.default = OPENAI.reply_to
    image = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    link = {"type": "image", "url": "https://a.example/1.png"}

    assert OPENAI.llm(server, model="qwen3-vl-plus").invoke([message([image, link]), HumanMessage("Hi")]).content


# ------------------------------------------------------------------------------------------------ headers of a call


@by_way
def test_extra_headers_of_a_call_are_headers(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    server.default = stub.reply_to

    ask_by(way, stub.llm(server), runner, extra_headers={"X-Trace": "abc"})

    assert server.requests[0].headers["x-trace"] == "abc"
    assert "extra_headers" not in str(server.bodies[0])


def test_extra_headers_replace_the_models_own(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server, default_headers={"X-Trace": "one", "X-Team": "a"}).invoke("Hi", extra_headers={"x-trace": "two"})

    headers = server.requests[0].headers
    assert (headers["x-trace"], headers["x-team"]) == ("two", "a")


def test_extra_headers_are_beside_those_that_the_call_needs(server: Server) -> None:
    server.default = DASHSCOPE.reply_to
    image = {"type": "image", "url": "oss://bucket/1.png"}

    llm = DASHSCOPE.llm(server, model="qwen3-vl-plus")
    llm.invoke([HumanMessage([image])], extra_headers={"X-Trace": "abc"})

    headers = server.requests[0].headers
    assert (headers["x-trace"], headers["x-dashscope-ossresourceresolve"]) == ("abc", "enable")


def test_extra_headers_cannot_name_another_workspace(server: Server, stub: ProtocolStub) -> None:
    with pytest.raises(
        UnsupportedInputError, match="`x-dashscope-workspace`, which names the workspace that is called"
    ):
        stub.llm(server).invoke("Hi", extra_headers={"x-dashscope-workspace": "llm-other"})
    assert server.requests == []


def test_bound_and_given_extra_headers_are_headers(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server).bind(extra_headers={"X-Trace": "abc"}).invoke("Hi")
    stub.llm(server, extra_headers={"X-Trace": "def"}).invoke("Hi")

    assert [received.headers["x-trace"] for received in server.requests] == ["abc", "def"]


@pytest.mark.parametrize("headers", ["X-Trace: a", {"X-Trace": 1}, {"X Trace": "a"}, {"X-Trace": "a\nb"}], ids=str)
def test_extra_headers_that_are_none_are_refused(server: Server, stub: ProtocolStub, headers: Any) -> None:
    with pytest.raises((UnsupportedInputError, ConfigurationError), match="`extra_headers`"):
        stub.llm(server).invoke("Hi", extra_headers=headers)


def test_a_secret_in_extra_headers_is_refused_since_it_would_be_traced(server: Server) -> None:
    with pytest.raises(QwenWorkspaceError, match="looks like a secret"):
        OPENAI.llm(server).invoke("Hi", extra_headers={"X-Api-Key": "hush"})


# ------------------------------------------------------------------------------------------------ fields in a call


@pytest.mark.parametrize("field", ["timeout", "max_retries", "base_url", "protocol", "default_headers", "guard"])
@by_way
def test_a_setting_of_the_model_in_a_call_is_refused(
    server: Server, way: Way, runner: asyncio.Runner, field: str
) -> None:
    with pytest.raises(UnsupportedInputError, match=f"`{field}` cannot be set for a single call"):
        ask_by(way, OPENAI.llm(server), runner, **{field: 5})

    assert server.requests == []
