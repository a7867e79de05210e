"""The dashscope protocol's two chat endpoints: the other one is tried once if the first does not serve the model."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_qwen_workspace._transports import other_endpoint
from langchain_qwen_workspace._transports.other_endpoint import OtherEndpointTransport
from langchain_qwen_workspace.errors import InvalidRequestError, ServerError
from langchain_qwen_workspace.profiles import profile_of
from tests.support.encoding import encode
from tests.support.protocols import DASHSCOPE, OPENAI
from tests.support.server import Received, Reply, Server
from tests.support.ways import WAYS, Way, ask_by

TEXT = "/api/v1/services/aigc/text-generation/generation"
MULTIMODAL = "/api/v1/services/aigc/multimodal-generation/generation"
WRONG = "url error, please check url！"  # noqa: RUF001 - the service's own exclamation mark
IMAGE = HumanMessage([{"type": "image", "url": "https://example.com/a.png"}, {"type": "text", "text": "Hi"}])


def served_at(path: str, text: str = WRONG) -> Callable[[Received], Reply]:
    """Return a service that answers at one endpoint only."""

    def reply(received: Received) -> Reply:
        if received.path == path:
            return DASHSCOPE.reply_to(received)
        return DASHSCOPE.error(400, "InvalidParameter", text)

    return reply


def paths(server: Server) -> list[str]:
    return [received.path for received in server.requests]


@pytest.mark.parametrize("way", WAYS)
def test_a_model_at_the_other_endpoint_answers_after_one_retry(
    fresh_server: Server, runner: asyncio.Runner, way: Way
) -> None:
    fresh_server.default = served_at(TEXT)

    assert ask_by(way, DASHSCOPE.llm(fresh_server, model="qwen9-max"), runner).text == "Hello"
    assert paths(fresh_server) == [MULTIMODAL, TEXT]


@pytest.mark.parametrize("way", WAYS)
def test_the_endpoint_is_remembered_for_the_next_call(fresh_server: Server, runner: asyncio.Runner, way: Way) -> None:
    fresh_server.default = served_at(TEXT)
    llm = DASHSCOPE.llm(fresh_server, model="qwen9-max")
    llm.invoke("Hi")

    assert ask_by(way, llm, runner).text == "Hello"
    assert paths(fresh_server) == [MULTIMODAL, TEXT, TEXT]


def test_an_endpoint_that_serves_the_model_again_is_remembered(fresh_server: Server) -> None:
    llm = DASHSCOPE.llm(fresh_server, model="qwen9-max")
    for path in (TEXT, MULTIMODAL, MULTIMODAL):
        fresh_server.default = served_at(path)
        llm.invoke("Hi")

    assert paths(fresh_server) == [MULTIMODAL, TEXT, TEXT, MULTIMODAL, MULTIMODAL]


def test_each_model_has_its_own_endpoint(fresh_server: Server) -> None:
    fresh_server.default = served_at(TEXT)
    DASHSCOPE.llm(fresh_server, model="qwen9-max").invoke("Hi")
    DASHSCOPE.llm(fresh_server, model="qwen9-plus").invoke("Hi")

    assert paths(fresh_server) == [MULTIMODAL, TEXT, MULTIMODAL, TEXT]


@pytest.mark.parametrize("model", ["qwen-plus", "my-model"])
def test_a_model_at_the_multimodal_endpoint_gets_lists(fresh_server: Server, model: str) -> None:
    fresh_server.default = served_at(MULTIMODAL)

    DASHSCOPE.llm(fresh_server, model=model).invoke("Hi")

    assert paths(fresh_server) == [TEXT, MULTIMODAL]
    assert DASHSCOPE.messages_sent(fresh_server) == [{"role": "user", "content": [{"text": "Hi"}]}]


def test_the_other_wording_of_the_service_is_known(fresh_server: Server) -> None:
    fresh_server.default = served_at(TEXT, "The model belongs to the other endpoint.")

    assert DASHSCOPE.llm(fresh_server, model="qwen9-max").invoke("Hi").text == "Hello"


def test_headers_of_the_call_are_sent_to_the_other_endpoint(fresh_server: Server) -> None:
    fresh_server.default = served_at(TEXT)

    DASHSCOPE.llm(fresh_server, model="qwen9-max").invoke("Hi", extra_headers={"X-Trace": "7"})

    assert fresh_server.requests[-1].headers["x-trace"] == "7"


def test_the_first_error_is_raised_if_no_endpoint_serves_the_model(fresh_server: Server) -> None:
    fresh_server.default = served_at("/nowhere")

    with pytest.raises(InvalidRequestError, match="url error"):
        DASHSCOPE.llm(fresh_server, model="qwen9-max").invoke("Hi")

    assert paths(fresh_server) == [MULTIMODAL, TEXT]


def test_another_error_of_the_other_endpoint_is_raised(fresh_server: Server) -> None:
    fresh_server.script(DASHSCOPE.error(400, "InvalidParameter", WRONG), DASHSCOPE.error(500, "InternalError", "Down."))

    with pytest.raises(ServerError, match="Down"):
        DASHSCOPE.llm(fresh_server, model="qwen9-max").invoke("Hi")


def test_an_error_of_another_kind_is_not_sent_to_the_other_endpoint(fresh_server: Server) -> None:
    fresh_server.default = lambda _: DASHSCOPE.error(400, "InvalidParameter", "Range of top_p should be (0.0, 1.0]")

    with pytest.raises(InvalidRequestError, match="top_p"):
        DASHSCOPE.llm(fresh_server, model="qwen9-max").invoke("Hi")

    assert len(fresh_server.requests) == 1


def test_a_call_that_the_other_endpoint_cannot_take_is_sent_once(fresh_server: Server) -> None:
    fresh_server.default = served_at(TEXT)

    with pytest.raises(InvalidRequestError, match="url error"):
        DASHSCOPE.llm(fresh_server, model="qwen9-max").invoke([IMAGE])

    assert len(fresh_server.requests) == 1


@pytest.mark.parametrize(
    "fields", [{"check_capabilities": False}, {"profile": {"image_inputs": True}}], ids=["any", "own"]
)
def test_media_that_the_user_insists_on_go_to_the_multimodal_endpoint(
    fresh_server: Server, fields: dict[str, Any]
) -> None:
    fresh_server.default = served_at(MULTIMODAL)

    DASHSCOPE.llm(fresh_server, model="my-model", **fields).invoke([IMAGE])

    assert paths(fresh_server) == [MULTIMODAL]


@pytest.mark.parametrize("way", WAYS)
def test_an_unknown_model_answers_on_the_openai_protocol(
    fresh_server: Server, runner: asyncio.Runner, way: Way
) -> None:
    fresh_server.default = OPENAI.reply_to

    assert ask_by(way, OPENAI.llm(fresh_server, model="qwen9-max"), runner).text == "Hello"


def test_no_more_than_some_models_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_endpoint, "_MOST_REMEMBERED", 2)

    class Scripted:
        def send(self, request: Any) -> Any:
            if "multimodal" in request.path:
                raise InvalidRequestError(WRONG)
            return {}

    transport = OtherEndpointTransport(Scripted())  # type: ignore[arg-type]  # only `send` is called
    for model in ("qwen9-a", "qwen9-b", "qwen9-c"):
        transport.send(encode(HumanMessage("Hi"), model=model, protocol="dashscope"))

    assert [model for model, _ in transport._moved] == ["qwen9-c"]


# ------------------------------------------------------------------------------------------------- newer generations


@pytest.mark.parametrize(
    "model", ["qwen3.9-plus", "qwen4-plus", "qwen5", "qwen9-max-preview", "qwen10.1-flash-2028-01-01"]
)
def test_a_newer_generation_is_taken_for_the_newest_known_one(model: str) -> None:
    profile = profile_of(model)

    assert (profile.native_endpoint, profile.thinking, profile.preserve_thinking) == ("multimodal", "on", True)
    assert not profile.known


@pytest.mark.parametrize("model", ["qwen2-max", "qwen3.1-foo", "qwenx-max", "qwen4foo"])
def test_other_names_are_not_taken_for_a_newer_generation(model: str) -> None:
    assert not profile_of(model).preserve_thinking


def test_a_newer_generation_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="langchain_qwen_workspace.profiles"):
        for enforced in (True, False):
            profile_of("qwen77-logged", enforced=enforced)

    [record] = caplog.records
    assert record.levelno == logging.INFO
    assert "'qwen77-logged' is of a generation of Qwen" in record.getMessage()
