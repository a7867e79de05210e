"""Rows 51 to 58 and 65 of the integration matrix: errors, and what a call is made of."""

import threading
from typing import Any

import pytest
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)

from langchain_qwen_workspace import (
    APITimeoutError,
    ChatQwenWorkspace,
    ContextLengthError,
    MissingApiKeyError,
    QwenWorkspaceError,
    RateLimitError,
)
from tests.support.protocols import ProtocolStub
from tests.support.server import Act, Server, stream_reply
from tests.support.ways import Ask

KINDS: list[tuple[int, str, type[ModelError], bool]] = [
    (400, "InvalidParameter", ModelInvalidRequestError, False),
    (401, "InvalidApiKey", ModelAuthenticationError, False),
    (403, "Model.AccessDenied", ModelPermissionDeniedError, False),
    (404, "ModelNotFound", ModelNotFoundError, False),
    (429, "Throttling.RateQuota", ModelRateLimitError, True),
    (500, "InternalError", ModelAPIError, True),
    (503, "ModelUnavailable", ModelAPIError, True),
]


@pytest.mark.parametrize(("status", "code", "kind", "retryable"), KINDS)
def test_row_51_errors_are_of_langchains_kind_and_keep_the_sdks(  # noqa: PLR0917 - pytest passes them by name
    server: Server, stub: ProtocolStub, ask: Ask, status: int, code: str, kind: type[ModelError], *, retryable: bool
) -> None:
    server.script(stub.error(status, code, "Refused."))

    with pytest.raises(kind) as caught:
        ask(stub.llm(server))

    error = caught.value
    assert isinstance(error, QwenWorkspaceError)
    assert (error.status_code, error.code, error.is_retryable) == (status, code, retryable)
    assert type(error.__cause__).__module__.partition(".")[0] == ("dashscope" if stub.is_dashscope else "openai")


@pytest.mark.parametrize(
    "text",
    [
        "Range of input length should be [1, 30720]",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]",
        "Total message token length exceed model limit",
    ],
)
def test_row_52_its_own_context_overflow_is_recognised(server: Server, stub: ProtocolStub, ask: Ask, text: str) -> None:
    server.script(stub.error(400, "InvalidParameter", text))

    with pytest.raises(ContextLengthError) as caught:
        ask(stub.llm(server))

    assert isinstance(caught.value, ContextOverflowError)
    assert not caught.value.is_retryable


@pytest.mark.parametrize("status", [409, 422])
@pytest.mark.parametrize("code", [None, "SomethingNew"])
def test_row_53_conflicts_and_unprocessable_requests_are_classified(
    server: Server, stub: ProtocolStub, ask: Ask, status: int, code: str | None
) -> None:
    server.script(stub.error(status, code, "No."))

    with pytest.raises(ModelInvalidRequestError) as caught:
        ask(stub.llm(server))

    assert not caught.value.is_retryable


@pytest.mark.parametrize(
    ("code", "kind"),
    [("Throttling.RateQuota", RateLimitError), ("InternalError.Timeout", ModelAPIError)],
)
def test_row_54_an_error_inside_a_stream_is_classified(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, code: str, kind: type[Exception]
) -> None:
    failure = stub.error_body(code, "Too fast.")
    server.script(stream_reply(stub.delta("Hel"), stub.frame(failure)))

    with pytest.raises(kind, match="Too fast") as caught:
        ask_streamed(stub.llm(server))

    assert isinstance(caught.value, QwenWorkspaceError)
    assert caught.value.code == code


def test_row_55_standard_parameters_are_sent(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())

    stub.llm(server, temperature=0.5, max_tokens=7, stop=["."], api_key="sk-mine", streaming=False).invoke("Hi")

    [received] = server.requests
    parameters = received.json["parameters"] if stub.is_dashscope else received.json
    assert {name: parameters[name] for name in ("temperature", "max_tokens", "stop")} == {
        "temperature": 0.5,
        "max_tokens": 7,
        "stop": ["."],
    }
    assert received.headers["authorization"] == "Bearer sk-mine"


def test_row_55_standard_retries_happen(server: Server, stub: ProtocolStub) -> None:
    failure = stub.error(500, "InternalError", "Again.")
    server.script(failure, failure, stub.answer(), failure, failure)

    assert stub.llm(server, max_retries=2).invoke("Hi").content == "Hello"
    assert len(server.requests) == 3
    with pytest.raises(ModelAPIError):
        stub.llm(server, max_retries=1).invoke("Hi")
    assert len(server.requests) == 5


def test_row_55_the_standard_timeout_counts(server: Server, stub: ProtocolStub, ask_unstreamed: Ask) -> None:
    never = threading.Event()
    server.script(stream_reply(never))

    with pytest.raises(ModelTimeoutError):
        ask_unstreamed(stub.llm(server, timeout=0.1))

    never.set()


@pytest.mark.parametrize(
    ("name", "other", "value"), [("model", "model_name", "m"), ("timeout", "request_timeout", 3.0)]
)
def test_row_55_other_names_of_the_standard_parameters_are_understood(name: str, other: str, value: Any) -> None:
    arguments: dict[str, Any] = {"model": "qwen-plus", "api_key": "sk-test", other: value}
    if name == "model":
        del arguments["model"]

    assert getattr(ChatQwenWorkspace(**arguments), name) == value


def test_row_56_an_unknown_argument_warns_and_is_sent(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())

    with pytest.warns(UserWarning, match="`temprature` is not a parameter that Model Studio documents"):
        llm = stub.llm(server, temprature=0.5)
    assert llm.model_kwargs == {"temprature": 0.5}
    llm_again: Any = llm
    with pytest.warns(UserWarning, match="`seeed` is not a parameter"):
        llm_again.invoke("Hi", seeed=1)

    body = server.bodies[0]
    parameters = body["parameters"] if stub.is_dashscope else body
    assert (parameters["temprature"], parameters["seeed"]) == (0.5, 1)


def test_row_57_the_services_own_parameters_may_be_given_at_call_time(server: Server, stub: ProtocolStub) -> None:
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

    body = server.bodies[0]
    parameters = body["parameters"] if stub.is_dashscope else body
    assert {name: parameters[name] for name in (*given, "skill")} == {**given, "skill": ["x"]}
    assert "extra_body" not in str(body)


def test_row_58_the_key_is_optional_until_the_call(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    llm = stub.llm(server, api_key=None)

    with pytest.raises(MissingApiKeyError, match="DASHSCOPE_API_KEY"):
        ask(llm)

    assert server.requests == []


def test_row_65_a_stream_that_falls_silent_ends_in_an_error(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.script(stream_reply(stub.delta("Hel"), Act.AWAIT_HANGUP))

    with pytest.raises(APITimeoutError, match="timed out"):
        ask_streamed(stub.llm(server, timeout=0.2))
