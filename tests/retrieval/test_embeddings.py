"""Embeddings: requests, order, arguments, malformed responses, copies, and LangChain's standard tests."""

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_qwen_workspace import (
    InvalidResponseError,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    UnsupportedInputError,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from tests.support.protocols import STUBS, ProtocolStub
from tests.support.retrieval import (
    DEFAULT_SIZES,
    UNKNOWN_MODEL,
    Embed,
    EmbedQuery,
    embed_reversed,
    embedding_body,
    make_embeddings,
    texts_in,
    vector_of,
)
from tests.support.server import Received, Server, json_reply

# --- requests ---


def test_documents_are_sent_in_the_protocols_form(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = embed_reversed(stub)
    embeddings = make_embeddings(server, stub, model="text-embedding-v4", dimensions=512)
    assert embed(embeddings, ["ab", "c"]) == [[2.0, 24930.0, *[0.5] * 510], [1.0, 99.0, *[0.5] * 510]]
    (received,) = server.requests
    assert (received.headers["authorization"], received.headers["x-dashscope-workspace"]) == (
        "Bearer sk-test",
        "ws-test",
    )
    if stub.is_dashscope:
        assert received.path == "/api/v1/services/embeddings/text-embedding/text-embedding"
        assert received.json == {
            "model": "text-embedding-v4",
            "input": {"texts": ["ab", "c"]},
            "parameters": {"text_type": "document", "dimension": 512},
        }
    else:
        assert received.path == "/compatible-mode/v1/embeddings"
        assert received.json == {
            "model": "text-embedding-v4",
            "input": ["ab", "c"],
            "encoding_format": "float",
            "dimensions": 512,
        }


def test_a_query_is_sent_with_its_text_type_if_the_protocol_supports_it(
    server: Server, stub: ProtocolStub, embed_query: EmbedQuery
) -> None:
    server.default = embed_reversed(stub)
    assert embed_query(make_embeddings(server, stub), "Hi") == [2.0, 18537.0, 0.5]
    body = server.bodies[0]
    if stub.is_dashscope:
        assert body["parameters"] == {"text_type": "query"}
    else:
        assert body == {"model": "text-embedding-v9", "input": ["Hi"], "encoding_format": "float"}


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("text-embedding-v4", 10),
        ("text-embedding-v3", 10),
        ("text-embedding-v2", 25),
        ("text-embedding-v1", 25),
        ("qwen3.7-text-embedding", 20),
        ("qwen3.7-text-embedding-flash", 20),
        ("a-name-of-tomorrow", 10),
    ],
)
def test_requests_have_as_many_texts_as_the_model_takes(
    server: Server, stub: ProtocolStub, embed: Embed, model: str, size: int
) -> None:
    server.default = embed_reversed(stub)
    texts = [f"{number}" * (number % 7 + 1) for number in range(2 * size + 3)]
    expected = [vector_of(text, DEFAULT_SIZES.get(model, 3)) for text in texts]
    assert embed(make_embeddings(server, stub, model=model, max_concurrency=1), texts) == expected
    assert [len(texts_in(received)) for received in server.requests] == [size, size, 3]
    assert [text for received in server.requests for text in texts_in(received)] == texts


def test_texts_that_fill_one_request_are_one_request(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = embed_reversed(stub)
    embed(make_embeddings(server, stub), ["x"] * 10)
    embed(make_embeddings(server, stub), ["x"])
    assert [len(texts_in(received)) for received in server.requests] == [10, 1]


def test_equal_texts_are_each_embedded(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = embed_reversed(stub)
    assert embed(make_embeddings(server, stub), ["x", "y", "x"]) == [vector_of("x"), vector_of("y"), vector_of("x")]
    assert texts_in(server.requests[0]) == ["x", "y", "x"]


def test_chunk_size_sets_the_texts_per_request(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = embed_reversed(stub)
    embed(make_embeddings(server, stub, chunk_size=2, max_concurrency=1), ["a", "b", "c"])
    embed(make_embeddings(server, stub, chunk_size=30, model="a-name-of-tomorrow", max_concurrency=1), ["x"] * 31)
    assert [len(texts_in(received)) for received in server.requests] == [2, 1, 30, 1]


@pytest.mark.parametrize("model", ["text-embedding-v1", "text-embedding-v2"])
def test_dimensions_are_not_sent_to_a_model_of_one_size(
    server: Server, stub: ProtocolStub, embed: Embed, model: str
) -> None:
    server.default = embed_reversed(stub)
    embed(make_embeddings(server, stub, model=model, dimensions=1536), ["x"])
    assert "dimension" not in json.dumps(server.bodies)


def test_any_dimensions_are_sent_to_an_unknown_model(server: Server, stub: ProtocolStub) -> None:
    server.default = embed_reversed(stub)
    make_embeddings(server, stub, model="a-name-of-tomorrow", dimensions=3).embed_query("x")
    body = server.bodies[0]
    assert stub.parameters(body)["dimension" if stub.is_dashscope else "dimensions"] == 3


def test_base_model_sets_the_profile(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: json_reply(embedding_body(stub, [[0.5] * 1536] * 25))
    make_embeddings(server, stub, model="made-from-v2", base_model="text-embedding-v2").embed_documents(["x"] * 25)
    assert [len(texts_in(received)) for received in server.requests] == [25]
    assert server.bodies[0]["model"] == "made-from-v2"


def test_model_kwargs_are_sent_unchanged(server: Server, stub: ProtocolStub) -> None:
    server.default = embed_reversed(stub)
    make_embeddings(server, stub, model_kwargs={"instruct": "Find it."}).embed_query("x")
    body = server.bodies[0]
    assert stub.parameters(body)["instruct"] == "Find it."


# --- refusals ---


def test_no_texts_send_no_request(fresh_server: Server, stub: ProtocolStub, embed: Embed) -> None:
    assert embed(make_embeddings(fresh_server, stub), []) == []
    assert fresh_server.connections == 0


@pytest.mark.parametrize("wrong", ["", None, 5, b"x", ["x"], {"text": "x"}, [1, 2]])
def test_an_invalid_text_is_refused_before_anything_is_sent(
    server: Server, stub: ProtocolStub, embed: Embed, wrong: Any
) -> None:
    texts: list[Any] = [*["x"] * 15, wrong]
    with pytest.raises(UnsupportedInputError, match="Text 15"):
        embed(make_embeddings(server, stub), texts)
    assert server.requests == []


@pytest.mark.parametrize("wrong", ["", None, 5])
def test_an_invalid_query_is_refused_before_anything_is_sent(
    server: Server,
    stub: ProtocolStub,
    embed_query: EmbedQuery,
    wrong: Any,
) -> None:
    with pytest.raises(UnsupportedInputError):
        embed_query(make_embeddings(server, stub), wrong)
    assert server.requests == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"unknown": 1}, "unknown"),
        ({"dimension": 512}, "dimension"),
        ({"text_type": "passage"}, "text_type"),
        ({"instruct": ""}, "instruct"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"model": "text-embedding-v4", "dimensions": 3}, "2048, 1536, 1024"),
        ({"dimensions": 0}, "dimensions"),
        ({"model": "text-embedding-v2", "dimensions": 1024}, "1536"),
        ({"model": "text-embedding-v4", "chunk_size": 11}, "at most 10"),
        ({"model": "qwen-plus"}, "ChatQwenWorkspace"),
        ({"model": "qwen3-rerank"}, "QwenWorkspaceRerank"),
        ({"model": "text-embedding-async-v2"}, "another embedding model"),
        ({"chunk_size": 0}, "chunk_size"),
        ({"model": ""}, "model"),
        ({"protocol": "grpc"}, "protocol"),
        ({"timeout": 0}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
    ],
)
def test_invalid_arguments_are_refused(
    server: Server, stub: ProtocolStub, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_embeddings(server, stub, **values)


# --- malformed responses ---

MALFORMED: dict[str, tuple[list[Any], list[Any] | None]] = {
    "one too few": ([[1.0]], None),
    "one too many": ([[1.0]] * 3, None),
    "none": ([], None),
    "the same twice": ([[1.0], [2.0]], [0, 0]),
    "the same twice, and all": ([[1.0], [2.0], [3.0]], [0, 1, 1]),
    "beyond": ([[1.0], [2.0]], [0, 2]),
    "before": ([[1.0], [2.0]], [-1, 0]),
    "from one": ([[1.0], [2.0]], [1, 2]),
    "no positions": ([[1.0], [2.0]], [None, None]),
    "positions as text": ([[1.0], [2.0]], ["0", "1"]),
    "an empty vector": ([[1.0], []], None),
    "no vector": ([[1.0], None], None),
    "an empty text for a vector": ([[1.0], ""], None),
    "an object for a vector": ([[1.0], {"0": 1.0}], None),
    "not a number": ([[1.0], [float("nan")]], None),
    "infinity": ([[1.0], [float("inf")]], None),
    "a number for a vector": ([[1.0], 1.0], None),
    "yes for a vector": ([[1.0], True], None),
    "yes for a position": ([[1.0], [2.0]], [0, True]),
    "a fraction for a position": ([[1.0], [2.0]], [0, 1.0]),
    "a number that no float holds": ([[1.0], [10**400]], None),
    "two sizes": ([[1.0, 2.0], [1.0]], None),
    "words in a vector": ([[1.0], ["x"]], None),
    "nulls in a vector": ([[1.0], [None]], None),
    "lists in a vector": ([[1.0], [[1.0]]], None),
    "a text that is no base64": ([[1.0], "no base64!"], None),
    "base64 of half a number": ([[1.0], "QUJDREVGRw=="], None),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_response_is_an_invalid_response_error(
    server: Server, stub: ProtocolStub, embed: Embed, case: str
) -> None:
    vectors, positions = MALFORMED[case]
    server.default = lambda _: json_reply(embedding_body(stub, vectors, positions=positions))
    with pytest.raises(InvalidResponseError) as caught:
        embed(make_embeddings(server, stub), ["a", "b"])
    assert caught.value.request_id == ("req-body" if stub.is_dashscope else "req-header")
    assert (caught.value.model, caught.value.workspace_id) == ("text-embedding-v9", "ws-test")


def test_a_malformed_response_of_a_later_request_is_an_error(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.script(json_reply(embedding_body(stub, [[1.0]] * 10)), json_reply(embedding_body(stub, [[1.0]] * 9)))
    with pytest.raises(InvalidResponseError):
        embed(make_embeddings(server, stub, max_concurrency=1), ["x"] * 20)


def test_only_the_failed_request_is_retried(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.script(embed_reversed(stub)(_asking(10)), stub.error(429, "Throttling", "Slow down."))
    server.default = embed_reversed(stub)
    texts = [f"{number}" for number in range(15)]
    found = embed(make_embeddings(server, stub, max_retries=1, max_concurrency=1), texts)
    assert found == [vector_of("x")] * 10 + [vector_of(text) for text in texts[10:]]
    assert [texts_in(received)[0] for received in server.requests] == ["0", "10", "10"]


def _asking(number: int) -> Received:
    return Received("", {}, json.dumps({"model": UNKNOWN_MODEL, "input": ["x"] * number}).encode(), 0, 0.0)


@pytest.mark.parametrize("kind", [RateLimitError, ServerError])
def test_errors_of_the_service_have_the_classes_of_chat_errors(
    server: Server, stub: ProtocolStub, embed: Embed, kind: type[QwenWorkspaceError]
) -> None:
    status, code = (429, "Throttling") if kind is RateLimitError else (500, "InternalError")
    server.default = lambda _: stub.error(status, code, "No.")
    with pytest.raises(kind) as caught:
        embed(make_embeddings(server, stub), ["a"])
    error = caught.value
    assert (error.status_code, error.code, error.request_id) == (status, code, "req-body")
    assert (error.model, error.protocol, error.region) == ("text-embedding-v9", stub.protocol, "ap-southeast-1")


# --- copies ---

COPIES: dict[str, Callable[[QwenWorkspaceEmbeddings], QwenWorkspaceEmbeddings]] = {
    "pickle": lambda embeddings: pickle.loads(pickle.dumps(embeddings)),  # noqa: S301 - made in the same line
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda embeddings: embeddings.model_copy(),
    "deep model_copy": lambda embeddings: embeddings.model_copy(deep=True),
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_embeds_like_the_original(
    server: Server, stub: ProtocolStub, embed: Embed, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-test")
    server.default = embed_reversed(stub)
    original = make_embeddings(server, stub, chunk_size=2, max_concurrency=3, model_kwargs={"user": "me"})
    embed(original, ["a"])  # so that it holds a client
    copied = COPIES[way](original)
    assert copied == original
    assert embed(copied, ["a", "b", "c"]) == [vector_of("a"), vector_of("b"), vector_of("c")]
    assert sorted(len(texts_in(received)) for received in server.requests) == [1, 1, 2]
    assert {received.headers["authorization"] for received in server.requests} == {"Bearer sk-test"}


def test_a_pickle_does_not_show_the_key(server: Server, stub: ProtocolStub) -> None:
    frozen = pickle.dumps(make_embeddings(server, stub, api_key="sk-S3CR3T"))
    assert b"S3CR3T" not in frozen


# --- LangChain's standard tests ---


class _Suite:
    """The parameters of one protocol for LangChain's standard tests."""

    protocol: ProtocolName
    url = "http://127.0.0.1:1"

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return QwenWorkspaceEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {
            "model": "text-embedding-v4",
            "protocol": self.protocol,
            "api_key": "sk-test",
            "base_url": self.url,
        }

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {"DASHSCOPE_API_KEY": "sk-environment"}
        return environment, {"model": "text-embedding-v4"}, {"api_key": "sk-environment"}


class _Answered(_Suite):
    @pytest.fixture(autouse=True)
    def _server(self, server: Server) -> Iterator[None]:
        stub = next(stub for stub in STUBS if stub.protocol == self.protocol)
        server.default = embed_reversed(stub)
        type(self).url = server.url
        yield
        type(self).url = _Suite.url


class TestUnitOpenAI(_Suite, EmbeddingsUnitTests):
    protocol = "openai"


class TestUnitDashScope(_Suite, EmbeddingsUnitTests):
    protocol = "dashscope"


class TestIntegrationOpenAI(_Answered, EmbeddingsIntegrationTests):
    protocol = "openai"


class TestIntegrationDashScope(_Answered, EmbeddingsIntegrationTests):
    protocol = "dashscope"
