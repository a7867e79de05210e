"""One class for one kind of failure, whichever protocol told it: the table of the service's errors, on sockets."""

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import dashscope.v2.errors
import openai
import pytest
from langchain_core import exceptions as core

import langchain_qwen_workspace as package
from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BillingError,
    ChatQwenWorkspace,
    ConfigurationError,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    InvalidResponseError,
    MissingApiKeyError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    StructuredOutputError,
    UnsupportedInputError,
    _error_table,
)
from langchain_qwen_workspace import errors as module
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub, stub_of
from tests.support.server import JSON_TYPE, Reply, Server, json_reply
from tests.support.ways import Ask

# Every class with what `except` clauses of LangChain's users catch, and whether trying again may help.
KINDS: dict[type[QwenWorkspaceError], tuple[type[Exception], bool]] = {
    QwenWorkspaceError: (core.ModelError, False),
    ConfigurationError: (ValueError, False),
    InvalidRequestError: (core.ModelInvalidRequestError, False),
    UnsupportedInputError: (ValueError, False),
    ContextLengthError: (core.ContextOverflowError, False),
    ContentFilterError: (core.ModelInvalidRequestError, False),
    AuthenticationError: (core.ModelAuthenticationError, False),
    MissingApiKeyError: (core.ModelAuthenticationError, False),
    PermissionDeniedError: (core.ModelPermissionDeniedError, False),
    BillingError: (core.ModelPermissionDeniedError, False),
    NotFoundError: (core.ModelNotFoundError, False),
    RateLimitError: (core.ModelRateLimitError, True),
    ServerError: (core.ModelAPIError, True),
    InvalidResponseError: (core.ModelAPIError, True),
    StructuredOutputError: (core.OutputParserException, False),
    APITimeoutError: (core.ModelTimeoutError, True),
    APIConnectionError: (core.ModelConnectionError, True),
    StreamInterruptedError: (core.ModelConnectionError, True),
}


@dataclass(frozen=True)
class Row:
    """What the service says, by either protocol, and what that is."""

    status: int
    native: str
    compatible: str | None
    message: str
    kind: type[QwenWorkspaceError]
    hint: str = "refused again"
    type_: str | None = None

    def __str__(self) -> str:
        return f"{self.status}-{self.native}-{self.message[:24]}"


_UNPAID, _THROTTLED, _AGAIN = "Alibaba Cloud account", "per minute", "try again"
_GRANTED = "'qwen-plus' is not granted to workspace ws-test"
_BUSY = "Too many requests. Your requests are being throttled due to system capacity limits."

# Model Studio docs, error codes, 2026-08-18.
ROWS = [
    Row(401, "InvalidApiKey", "invalid_api_key", "Invalid API-key provided.", AuthenticationError, "ap-southeast-1"),
    Row(401, "NOT AUTHORIZED", "NOT AUTHORIZED", "Access denied: Either you are", AuthenticationError, "ws-test"),
    Row(401, "x", None, "invalid access token or token expired.", AuthenticationError, "plan"),
    Row(403, "AccessDenied", "access_denied", "Access denied.", PermissionDeniedError, "workspace ws-test"),
    Row(403, "AccessDenied.Unpurchased", "AccessDenied.Unpurchased", "Access denied.", BillingError, "activated"),
    Row(403, "Model.AccessDenied", "Model.AccessDenied", "Model access denied.", PermissionDeniedError, _GRANTED),
    Row(403, "Workspace.AccessDenied", "Workspace.AccessDenied", "Denied.", PermissionDeniedError, "belong to"),
    Row(403, "Workspace.AccessDenied", None, "Denied.", PermissionDeniedError, "belong to", "Workspace.AccessDenied"),
    Row(403, "App.AccessDenied", "App.AccessDenied", "App access denied.", PermissionDeniedError, "ws-test"),
    Row(403, "Endpoint.AccessDenied", "Endpoint.AccessDenied", "Denied.", PermissionDeniedError, "is retired"),
    Row(403, "AllocationQuota.FreeTierOnly", "AllocationQuota.FreeTierOnly", "Free.", BillingError, "free tier"),
    Row(403, "Unheard.Of", "unheard_of", "Never heard of.", PermissionDeniedError, "ws-test"),
    Row(400, "Arrearage", "Arrearage", "Access denied, please make sure", BillingError, _UNPAID),
    Row(400, "Arrearage", None, "Access denied, please make sure", BillingError, _UNPAID, "Arrearage"),
    Row(402, "x", None, "Payment required.", BillingError, _UNPAID),
    Row(429, "CommodityNotPurchased", "CommodityNotPurchased", "Not purchased yet.", BillingError, "not activated"),
    Row(429, "PrepaidBillOverdue", "PrepaidBillOverdue", "The prepaid bill is overdue.", BillingError, _UNPAID),
    Row(429, "PostpaidBillOverdue", "PostpaidBillOverdue", "The bill is overdue.", BillingError, _UNPAID),
    Row(429, "Throttling.AllocationQuota", "x", "Free allocated quota exceeded.", BillingError, "free tier"),
    Row(404, "ModelNotFound", "model_not_found", "The model x does not exist.", NotFoundError, "'qwen-plus'"),
    Row(404, "model_not_supported", "model_not_supported", "Unsupported.", NotFoundError, 'protocol="dashscope"'),
    Row(404, "WorkSpaceNotFound", "WorkSpaceNotFound", "WorkSpace can not be found.", NotFoundError, "(ws-test)"),
    Row(404, "NotFound", "NotFound", "Request path not found.", NotFoundError, "`base_url`"),
    Row(429, "Throttling", "limit_requests", "Requests throttling triggered.", RateLimitError, _THROTTLED),
    Row(429, "Throttling.RateQuota", "limit_requests", "Too many.", RateLimitError, _THROTTLED),
    Row(429, "LimitRequests", "limit_requests", "Too many.", RateLimitError, _THROTTLED),
    Row(429, "ResourceExhausted", "ResourceExhausted", "Too many.", RateLimitError, _THROTTLED),
    Row(429, "Throttling.BurstRate", "limit_burst_rate", "Too quickly.", RateLimitError, "slower"),
    Row(429, "Throttling.AllocationQuota", "insufficient_quota", "check your plan", RateLimitError, _THROTTLED),
    Row(429, "Throttling.Concurrency", "Throttling.Concurrency", "Too many.", RateLimitError, "at once"),
    Row(429, "x", None, "Too many requests. Batch requests in all", RateLimitError, _THROTTLED),
    Row(400, "DataInspectionFailed", "data_inspection_failed", "May contain.", ContentFilterError, "inspection"),
    Row(400, "FaqRuleBlocked", "FaqRuleBlocked", "Blocked.", ContentFilterError, "inspection"),
    Row(400, "CustomRoleBlocked", "CustomRoleBlocked", "Blocked.", ContentFilterError, "inspection"),
    Row(400, "IPInfringementSuspect", "IPInfringementSuspect", "Blocked.", ContentFilterError, "inspection"),
    Row(
        400,
        "InvalidParameter.DataInspection",
        "x",
        "Unable to download the media resource.",
        InvalidRequestError,
        "itself",
    ),
    Row(400, "InvalidParameter", "invalid_parameter_error", "'messages' must contain 'json'.", InvalidRequestError),
    Row(
        400,
        "InvalidParameter.NotSupportEnableThinking",
        "invalid_value",
        "The model does not support enable_thinking.",
        InvalidRequestError,
        "think",
    ),
    Row(400, "InvalidParameter", "x", "url error, please check url\uff01", InvalidRequestError, "`base_model`"),
    Row(
        400, "InternalError.Algo.InvalidParameter", "x", "Repetitive tool calls detected.", InvalidRequestError, "limit"
    ),
    Row(400, "BadRequest.TooLarge", "BadRequest.TooLarge", "Payload Too Large.", InvalidRequestError, "by URL"),
    Row(400, "ServiceUnavailableError", "x", "Role must be user or assistant", InvalidRequestError, "user message"),
    Row(409, "Conflict", "conflict", "Model instance already exists.", InvalidRequestError),
    Row(413, "x", None, "Too large.", InvalidRequestError, "by URL"),
    Row(422, "Unheard.Of", "unheard_of", "Never heard of.", InvalidRequestError),
    Row(
        400,
        "InternalError.Algo.InvalidParameter",
        "invalid_parameter_error",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]",
        ContextLengthError,
        "Shorten",
    ),
    Row(400, "InvalidParameter", "x", "Range of input length should be [1, 5]", ContextLengthError, "Shorten"),
    Row(400, "x", "x", "Total message token length exceed model limit (1 tokens).", ContextLengthError, "Shorten"),
    Row(500, "InternalError", "internal_error", "An internal error has occured.", ServerError, _AGAIN),
    Row(500, "InternalError.Algo", "InternalError.Algo", "Expecting ',' delimiter: line 1", ServerError, "JSON"),
    Row(500, "SystemError", "SystemError", "x", ServerError, _AGAIN),
    Row(503, "ModelServingError", "ModelServingError", _BUSY, ServerError, "capacity"),
    Row(500, "ModelServingError", "ModelServingError", _BUSY, ServerError, "capacity"),
    Row(503, "ModelUnavailable", "ModelUnavailable", "Try again later.", ServerError, "capacity"),
    Row(502, "x", None, "Bad gateway.", ServerError, _AGAIN),
    Row(504, "GatewayTimeout", "GatewayTimeout", "Too late.", ServerError, _AGAIN),
    Row(500, "RequestTimeOut", "RequestTimeOut", "Request timed out.", APITimeoutError, "stream it"),
    Row(500, "ResponseTimeout", "ResponseTimeout", "Response timeout!", APITimeoutError, "stream it"),
    Row(408, "x", None, "Request timeout.", APITimeoutError, "stream it"),
]


def _error_reply(row: Row, stub: ProtocolStub) -> Reply:
    code = row.native if stub.is_dashscope else row.compatible
    return json_reply(stub.error_body(code, row.message, row.type_), row.status)


def _check(error: BaseException | None, row: Row, stub: ProtocolStub) -> None:
    assert isinstance(error, QwenWorkspaceError)
    assert type(error) is row.kind
    assert error.code == (row.native if stub.is_dashscope else row.compatible)
    assert (error.message, error.status_code, error.request_id) == (row.message, row.status, "req-body")
    assert (error.model, error.protocol) == ("qwen-plus", stub.protocol)
    assert (error.region, error.workspace_id) == ("ap-southeast-1", "ws-test")
    assert row.hint in (error.hint or "")
    assert isinstance(
        error.__cause__, dashscope.v2.errors.DashScopeError if stub.is_dashscope else openai.APIStatusError
    )


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_an_error_is_the_same_on_both_protocols(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, row: Row
) -> None:
    server.default = lambda _: _error_reply(row, stub)
    with pytest.raises(QwenWorkspaceError) as caught:
        ask_two_ways(stub.llm(server))
    _check(caught.value, row, stub)
    assert len(server.requests) == 1


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_either_shape_is_understood_on_either_protocol(server: Server, stub: ProtocolStub, row: Row) -> None:
    """Gateways answer natively on the compatible path, and the other way round."""
    other = OPENAI if stub.is_dashscope else DASHSCOPE
    server.default = lambda _: _error_reply(row, other)
    with pytest.raises(QwenWorkspaceError) as caught:
        stub.llm(server).invoke("Hi")
    assert type(caught.value) is row.kind
    assert caught.value.request_id == "req-body"


def test_no_key_is_told_without_a_code(server: Server, ask: Ask) -> None:
    """The compatible protocol's answer to a request without a key, recorded on 2026-02-25."""
    message = "You didn't provide an API key. You need to provide your API key in an Authorization header."
    server.default = lambda _: json_reply(OPENAI.error_body(None, message, "invalid_request_error"), 401)
    with pytest.raises(AuthenticationError) as caught:
        ask(OPENAI.llm(server))
    assert caught.value.hint


@pytest.mark.parametrize("body", [{"code": None}, {"code": ""}, {}])
def test_a_native_error_without_a_code_keeps_message_and_request_id(
    server: Server, stub: ProtocolStub, body: dict[str, Any]
) -> None:
    server.default = lambda _: json_reply({**body, "message": "Out of order.", "request_id": "req-body"}, 502)
    with pytest.raises(ServerError) as caught:
        stub.llm(server).invoke("Hi")
    assert (caught.value.message, caught.value.request_id) == ("Out of order.", "req-body")


def test_a_model_that_does_not_exist_is_not_found(server: Server, stub: ProtocolStub) -> None:
    """Documented as HTTP 400 beside the 404s, for a wrong name or a blank in it; seen on the rerank endpoint."""
    server.default = lambda _: stub.error(400, "InvalidParameter", "Model not exist.")
    with pytest.raises(NotFoundError):
        stub.llm(server).invoke("Hi")


def test_a_product_that_is_not_activated_is_a_billing_error(server: Server, stub: ProtocolStub) -> None:
    message = "The product is not activated, please confirm that you have activated products and try again."
    server.default = lambda _: stub.error(400, "invalid_parameter_error", message)
    with pytest.raises(BillingError):
        stub.llm(server).invoke("Hi")


def test_a_missing_backend_may_come_back(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.error(400, None, "No backend server available")
    with pytest.raises(ServerError):
        stub.llm(server).invoke("Hi")


def test_a_hint_is_one_or_two_sentences() -> None:
    table = _error_table
    rows = {row for _, row in table._BY_TEXT} | {*table._BY_CODE.values(), *table._BY_STATUS.values()}
    for row in rows:
        assert row.hint is not None
        assert row.hint.endswith(".")
        assert row.hint.count(". ") <= 1


def test_texts_are_known_in_any_case(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.error(400, "InvalidParameter", "RANGE OF INPUT LENGTH SHOULD BE [1, 5]")
    with pytest.raises(ContextLengthError):
        stub.llm(server).invoke("Hi")


def test_braces_of_a_models_name_are_no_place_in_a_hint(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.error(403, "Model.AccessDenied", "Model access denied.")
    with pytest.raises(PermissionDeniedError, match=r"'\{region\}' is not granted") as caught:
        stub.llm(server, model="{region}").invoke("Hi")
    assert caught.value.model == "{region}"


# ------------------------------------------------------------------------------------------- bodies of other shapes


@pytest.mark.parametrize(
    "reply",
    [
        Reply((b"<html><body>Bad gateway</body></html>",), 502, {"Content-Type": "text/html"}),
        Reply((b"",), 502, {}),
        Reply((b"",), 502, JSON_TYPE),
        Reply((b"[1, 2]",), 502, JSON_TYPE),
        Reply((b'"text"',), 502, JSON_TYPE),
        Reply((b"null",), 502, JSON_TYPE),
        Reply((b"{",), 502, JSON_TYPE),
        Reply((b"\xff\xfe",), 502, JSON_TYPE),
        Reply((b"{}",), 502, JSON_TYPE),
    ],
    ids=["html", "nothing", "empty", "array", "string", "null", "broken", "no text", "object"],
)
def test_an_error_without_a_readable_body_is_told_by_its_status(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, reply: Reply
) -> None:
    server.default = lambda _: reply
    with pytest.raises(ServerError) as caught:
        ask_two_ways(stub.llm(server))
    error = caught.value
    assert type(error) is ServerError
    assert (error.status_code, error.code) == (502, None)
    assert "HTTP status 502" in error.message
    assert error.request_id == reply.headers.get("x-request-id")


def test_an_error_body_may_be_framed_as_a_stream(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    """Older gateways answer errors in frames, whatever their content type says."""
    body = (
        b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"Arrearage","message":"Pay.","request_id":"req-body"}\n\n'
    )
    server.default = lambda _: Reply((body,), 400, JSON_TYPE)
    with pytest.raises(BillingError) as caught:
        ask(stub.llm(server))
    assert (caught.value.code, caught.value.message, caught.value.request_id) == ("Arrearage", "Pay.", "req-body")


@pytest.mark.parametrize("shape", ["openai", "dashscope"])
def test_a_success_with_an_error_in_it_is_an_error(server: Server, stub: ProtocolStub, ask: Ask, shape: Any) -> None:
    body = stub_of(shape).error_body("DataInspectionFailed", "Input data may contain inappropriate content.")
    server.default = lambda _: json_reply(body)
    with pytest.raises(ContentFilterError) as caught:
        ask(stub.llm(server))
    assert (caught.value.code, caught.value.request_id) == ("DataInspectionFailed", "req-body")


def test_an_error_may_be_a_plain_text(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = lambda _: json_reply({"error": "Something odd."}, 500)
    with pytest.raises(ServerError) as caught:
        ask(stub.llm(server))
    assert caught.value.message == "Something odd."


@pytest.mark.parametrize("body", [b"<html>Hello</html>", b"", b"[1]", b"null", b'"x"', b"{", b"\xff\xfe{"])
def test_a_success_that_is_no_json_object_is_no_answer(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, body: bytes
) -> None:
    server.default = lambda _: Reply((body,), 200, JSON_TYPE)
    with pytest.raises(InvalidResponseError, match="not a JSON object") as caught:
        ask_two_ways(stub.llm(server))
    assert caught.value.request_id == "req-header"
    assert caught.value.hint


@pytest.mark.parametrize("body", [{}, {"choices": None, "output": None}, {"choices": [], "output": {"choices": []}}])
def test_a_success_without_choices_is_no_answer(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, body: Any
) -> None:
    server.default = lambda _: json_reply(body)
    with pytest.raises((InvalidResponseError, StreamInterruptedError)):
        ask_two_ways(stub.llm(server))


@pytest.mark.parametrize(
    "body",
    [
        {"choices": ["x"], "output": {"choices": ["x"]}},
        {"choices": "x", "output": "x"},
        {"choices": [{"message": "x"}], "output": {"choices": [{"message": "x"}]}},
        {"choices": {"0": {}}, "output": {"choices": {"0": {}}}},
    ],
)
def test_an_answer_of_the_wrong_shape_is_no_answer(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, body: Any
) -> None:
    server.default = lambda _: json_reply(body)
    with pytest.raises((InvalidResponseError, StreamInterruptedError)):
        ask_two_ways(stub.llm(server))


# ------------------------------------------------------------------------------------------------- the missing key


def test_a_missing_key_is_told_at_the_first_call(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, base_url=server.url, workspace_id="ws-1")
    with pytest.raises(MissingApiKeyError) as caught:
        ask(llm)
    assert "DASHSCOPE_API_KEY" in str(caught.value)
    assert "langchain_qwen_workspace.sandbox" in str(caught.value)
    assert (caught.value.workspace_id, caught.value.protocol) == ("ws-1", stub.protocol)
    assert server.requests == []
    assert server.connections == 0


def test_a_missing_key_of_embeddings_is_told_at_the_first_call(server: Server, stub: ProtocolStub) -> None:
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", protocol=stub.protocol, base_url=server.url)
    with pytest.raises(MissingApiKeyError, match="DASHSCOPE_API_KEY"):
        embeddings.embed_query("Hi")
    assert server.connections == 0


# ------------------------------------------------------------------------------------------------------ the classes


def test_the_table_of_kinds_has_every_class() -> None:
    own = {value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__}
    assert {cls for cls in own if issubclass(cls, Exception)} == set(KINDS)
    assert all(getattr(package, kind.__name__) is kind for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_class_is_one_of_langchains(kind: type[QwenWorkspaceError]) -> None:
    theirs, retryable = KINDS[kind]
    assert issubclass(kind, QwenWorkspaceError)
    assert issubclass(kind, theirs)
    assert kind("x").is_retryable is retryable


FACTS: dict[str, Any] = {
    "code": "Any.Code",
    "status_code": 418,
    "request_id": "req-1",
    "model": "qwen-plus",
    "protocol": "openai",
    "region": "ap-southeast-1",
    "workspace_id": "ws-1",
    "hint": "Do something about it.",
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("facts", [{}, FACTS], ids=["bare", "full"])
def test_every_class_pickles_and_copies(kind: type[QwenWorkspaceError], facts: dict[str, Any]) -> None:
    error = kind("What happened.", **facts)
    error.add_note("A note.")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - made here
        assert type(other) is kind
        assert str(other) == str(error)
        assert {name: getattr(other, name) for name in FACTS} == {name: facts.get(name) for name in FACTS}
        assert (other.message, other.__notes__) == ("What happened.", ["A note."])
        assert other.args == error.args


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_text_says_what_and_where_and_what_to_do(kind: type[QwenWorkspaceError]) -> None:
    assert str(kind("What happened.")) == "What happened."
    assert kind("What happened.").args[0].startswith("What happened.")
    assert str(kind("What happened.", **FACTS)) == (
        "What happened. (status: 418, code: Any.Code, model: qwen-plus, protocol: openai, region: ap-southeast-1, "
        "workspace: ws-1, request id: req-1) Do something about it."
    )


def test_a_called_errors_text_names_model_region_and_workspace(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = lambda _: stub.error(403, "Model.AccessDenied", "Model access denied.")
    with pytest.raises(PermissionDeniedError) as caught:
        ask(stub.llm(server, region="tokyo", model="qwen-max"))
    for fact in ("qwen-max", "ap-northeast-1", "ws-test", "403", "Model.AccessDenied", "req-body", stub.protocol):
        assert fact in str(caught.value)
