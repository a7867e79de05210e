"""Errors as they arrive through both SDKs: eight cases in every way of calling, and unusual bodies."""

from typing import Any

import dashscope.v2.errors
import openai
import pytest

from langchain_qwen_workspace import (
    BillingError,
    ChatQwenWorkspace,
    ContentFilterError,
    InvalidResponseError,
    MissingApiKeyError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    ServerError,
    StreamInterruptedError,
)
from tests.errors._case import Case
from tests.errors._cases import CASES
from tests.support.protocols import STUBS, ProtocolStub
from tests.support.server import JSON_TYPE, Reply, Server, json_reply
from tests.support.ways import Ask

# Statuses for which the SDKs have a class each, a bill among the 400s, a code as the `type`, and a timeout as a 500.
OVER_HTTP = [
    next(case for case in CASES if (case.status, case.code, case.openai_code) == chosen)
    for chosen in (
        (400, "InternalError.Algo.InvalidParameter", "invalid_parameter_error"),
        (400, "Arrearage", None),
        (401, "InvalidApiKey", "invalid_api_key"),
        (403, "Model.AccessDenied", "Model.AccessDenied"),
        (404, "ModelNotFound", "model_not_found"),
        (429, "Throttling.RateQuota", "limit_requests"),
        (500, "RequestTimeOut", "RequestTimeOut"),
        (503, "ModelServingError", "ModelServingError"),
    )
]


@pytest.mark.parametrize("case", OVER_HTTP, ids=str)
def test_a_case_over_http(server: Server, stub: ProtocolStub, ask: Ask, case: Case) -> None:
    server.default = lambda _: json_reply(case.body(stub), case.status)
    with pytest.raises(QwenWorkspaceError) as caught:
        ask(stub.llm(server))
    error = caught.value
    assert type(error) is case.error_class
    assert (error.message, error.code, error.status_code) == (case.message, case.code_on(stub), case.status)
    assert (error.request_id, error.model, error.protocol) == ("req-body", "qwen-plus", stub.protocol)
    assert (error.region, error.workspace_id) == ("ap-southeast-1", "ws-test")
    assert all(hint in (error.hint or "") for hint in case.hints)
    assert isinstance(
        error.__cause__, dashscope.v2.errors.DashScopeError if stub.is_dashscope else openai.APIStatusError
    )


def test_the_other_protocols_shape_is_read(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    """Some gateways answer in the dashscope protocol's form on the path of openai, and the other way round."""
    [other] = [each for each in STUBS if each is not stub]
    server.default = lambda _: other.error(403, "Model.AccessDenied", "Model access denied.")
    with pytest.raises(PermissionDeniedError) as caught:
        ask_two_ways(stub.llm(server))
    assert (caught.value.code, caught.value.request_id) == ("Model.AccessDenied", "req-body")


def test_the_text_names_model_region_and_workspace(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.error(403, "Model.AccessDenied", "Model access denied.")
    with pytest.raises(PermissionDeniedError) as caught:
        stub.llm(server, region="tokyo", model="qwen-max").invoke("Hi")
    for fact in ("qwen-max", "ap-northeast-1", "ws-test", "403", "Model.AccessDenied", "req-body", stub.protocol):
        assert fact in str(caught.value)


def test_an_error_of_embeddings_names_the_model(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.error(404, "ModelNotFound", "Model can not be found.")
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", **_access(server, stub))
    with pytest.raises(NotFoundError) as caught:
        embeddings.embed_query("Hi")
    assert caught.value.model == "text-embedding-v4"


def test_an_error_of_rerank_names_the_model(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.error(404, "ModelNotFound", "Model can not be found.")
    reranker = QwenWorkspaceRerank(model="qwen3-rerank", **_access(server, stub))
    with pytest.raises(NotFoundError) as caught:
        reranker.rerank(["a", "b"], "Hi")
    assert caught.value.model == "qwen3-rerank"


def _access(server: Server, stub: ProtocolStub) -> dict[str, Any]:
    return {
        "protocol": stub.protocol,
        "base_url": server.url,
        "region": "singapore",
        "api_key": "sk-test",
        "max_retries": 0,
    }


# ------------------------------------------------------------------------------------------------ unusual error bodies


def test_an_html_error_is_known_by_its_status(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = lambda _: Reply((b"<html><body>Bad gateway</body></html>",), 502, {"Content-Type": "text/html"})
    with pytest.raises(ServerError) as caught:
        ask(stub.llm(server))
    assert (caught.value.status_code, caught.value.code, caught.value.request_id) == (502, None, None)
    assert "HTTP status 502" in caught.value.message


def test_an_error_body_may_be_framed_as_a_stream(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    """Older gateways answer errors in frames, whatever their content type says."""
    body = (
        b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"Arrearage","message":"Pay.","request_id":"req-body"}\n\n'
    )
    server.default = lambda _: Reply((body,), 400, JSON_TYPE)
    with pytest.raises(BillingError) as caught:
        ask(stub.llm(server))
    assert (caught.value.code, caught.value.message, caught.value.request_id) == ("Arrearage", "Pay.", "req-body")


# ------------------------------------------------------------------------------------------- responses of status 200


@pytest.mark.parametrize("shape", STUBS, ids=lambda shape: shape.protocol)
def test_an_error_in_a_response_of_status_200_is_raised(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, shape: ProtocolStub
) -> None:
    body = shape.error_body("DataInspectionFailed", "Input data may contain inappropriate content.")
    server.default = lambda _: json_reply(body)
    with pytest.raises(ContentFilterError) as caught:
        ask_two_ways(stub.llm(server))
    assert (caught.value.code, caught.value.request_id) == ("DataInspectionFailed", "req-body")


def test_a_response_that_is_not_a_json_object_raises_invalid_response(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask
) -> None:
    server.default = lambda _: Reply((b"[1]",), 200, JSON_TYPE)
    with pytest.raises(InvalidResponseError, match="not a JSON object") as caught:
        ask_two_ways(stub.llm(server))
    assert caught.value.request_id == "req-header"


def test_a_response_without_choices_is_no_answer(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    """`tests/wire` has every malformed shape."""
    server.default = lambda _: json_reply({"choices": [], "output": {"choices": []}})
    with pytest.raises((InvalidResponseError, StreamInterruptedError)):
        ask_two_ways(stub.llm(server))


# --------------------------------------------------------------------------------------------------- the missing key


def test_a_missing_key_is_reported_before_anything_is_sent(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, base_url=server.url, workspace_id="ws-1")
    with pytest.raises(MissingApiKeyError) as caught:
        ask(llm)
    assert "DASHSCOPE_API_KEY" in str(caught.value)
    assert "langchain_qwen_workspace.sandbox" in str(caught.value)
    assert (caught.value.workspace_id, caught.value.protocol) == ("ws-1", stub.protocol)
    assert server.requests == []
    assert server.connections == 0


def test_a_missing_key_of_embeddings_is_reported_before_anything_is_sent(server: Server, stub: ProtocolStub) -> None:
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", protocol=stub.protocol, base_url=server.url)
    with pytest.raises(MissingApiKeyError, match="DASHSCOPE_API_KEY"):
        embeddings.embed_query("Hi")
    assert server.connections == 0
