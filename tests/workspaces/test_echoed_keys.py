"""A key that a server or a proxy sends back is in no text of an error, its causes, their variables and their notes."""

import json
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.documents import Document
from pydantic import SecretStr

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.batch_jobs import BatchStatus
from tests.support.protocols import ProtocolStub
from tests.support.raw_server import raw_server
from tests.support.server import Server
from tests.support.ways import Ask

SHAPED = "sk-5f3aQ7c1e9b24d08a6XkV2mN4pR8tW1z"
OTHER = "gw/Q7f3+9aXkV2mN4pR8~tW1z=="


class _Hidden(str):
    """A key that the test's own frames do not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'hidden'"


KEYS = [pytest.param(_Hidden(SHAPED), id="sk"), pytest.param(_Hidden(OTHER), id="other")]


def _whole(status: str, body: str, kind: str = "application/json", headers: str = "") -> bytes:
    data = body.encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n"
        f"{headers}\r\n"
    ).encode() + data


def _error(message: str) -> str:
    return json.dumps({"error": {"message": message, "code": message}, "message": message, "code": message})


def _frames(*frames: str) -> bytes:
    body = "".join(f"data: {frame}\n\n" for frame in frames)
    return _whole("200 OK", body, "text/event-stream")


ECHOES: dict[str, Callable[[str], bytes]] = {
    "a body": lambda key: _whole("401 Unauthorized", _error(f"Incorrect API key provided: {key}.")),
    "a body of status 200": lambda key: _whole("200 OK", _error(f"Incorrect API key provided: {key}.")),
    "an unknown body": lambda key: _whole("500 Oops", json.dumps({"headers": {"authorization": [f"Bearer {key}"]}})),
    "the name of a field": lambda key: _whole("500 Oops", json.dumps({key: 1})),
    "an HTML page": lambda key: _whole("502 Bad Gateway", f"<html>Bearer {key}</html>", "text/html"),
    "where an excerpt ends": lambda key: _whole("502 Bad Gateway", "<html>" + "x " * 90 + key, "text/html"),
    "a page of status 200": lambda key: _whole("200 OK", "x " * 90 + key, "text/html"),
    "a URL": lambda key: _whole("400 No", _error(f"GET /?q={key.replace('/', '%2F').replace('+', '%2B')}")),
    "X-Request-Id": lambda key: _whole("429 Slow", _error("Slow down."), headers=f"X-Request-Id: {key}\r\n"),
    "the name of a header": lambda key: _whole("400 No", "{}", headers=f"{re.sub('[/=]', '', key)}: 1\r\n"),
    "the status line": lambda key: _whole(f"403 {key}", "{}"),
    "the status line of status 200": lambda key: _whole(f"200 {key}", _error("No.")),
    "a malformed header": lambda key: _whole("200 OK", "{}", headers=f"Authorization Bearer {key}\r\n"),
    "a malformed status line": lambda key: f"HTTP/1.1 {key}\r\n\r\n".encode(),
    "no HTTP": lambda key: f"Authorization: Bearer {key}\r\n\r\n".encode(),
    "Location": lambda key: _whole("302 Found", "", headers=f"Location: http://127.0.0.1:9/?key={key}\r\n"),
    "a malformed frame": lambda key: _frames(f"Bearer {key}"),
    "a frame that is no object": lambda key: _frames(json.dumps([key])),
    "a frame that is cut off": lambda key: _whole("200 OK", f"data: {{{key}", "text/event-stream"),
    "a frame with an error": lambda key: _frames(_error(f"Incorrect API key provided: {key}.")),
    "a response without choices": lambda key: _whole("200 OK", json.dumps({"request_id": key, "output": {}})),
    "the beginning of a body": lambda key: f"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{key}".encode(),
}


def _chain(error: BaseException) -> Iterator[BaseException]:
    unread, seen = [error], list[BaseException]()
    while unread:
        item = unread.pop()
        if not any(item is other for other in seen):
            seen.append(item)
            yield item
            unread += [other for other in (item.__cause__, item.__context__) if other is not None]


def _attributes(thing: Any) -> dict[str, Any]:
    return vars(thing) if hasattr(thing, "__dict__") else {}


def texts_of(error: BaseException) -> list[str]:
    """Return what a log, a trace or an error reporter may show of an error."""
    texts = []
    for item in _chain(error):
        texts += [str(item), repr(item), repr(item.args), repr(vars(item)), *getattr(item, "__notes__", ())]
        texts.append("".join(traceback.TracebackException.from_exception(item, capture_locals=True).format()))
        for value in vars(item).values():
            texts += [repr(_attributes(value)), repr(_attributes(getattr(value, "headers", None)))]
    return texts


def error_of(call: Callable[[], object]) -> QwenWorkspaceError:
    with pytest.raises(QwenWorkspaceError) as caught:
        call()
    return caught.value


def hits(error: BaseException, key: str) -> list[str]:
    """Return the texts of an error that have a key, or half of it."""
    halves = (key[: len(key) // 2], key[len(key) // 2 :])
    return [text[:2000] for text in texts_of(error) if any(half.lower() in text.lower() for half in halves)]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("echo", ECHOES)
def test_no_error_of_a_chat_shows_an_echoed_key(echo: str, stub: ProtocolStub, ask: Ask, key: str) -> None:
    with raw_server(lambda _: ECHOES[echo](key)) as url:
        error = error_of(lambda: ask(stub.llm(url, api_key=key)))
    assert hits(error, key) == []


OF_OTHER_CALLS = ("a body", "an HTML page", "X-Request-Id", "the status line", "a malformed header", "Location")


def _call_embeddings(protocol: ProtocolName, url: str, key: str) -> object:
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v4", protocol=protocol, base_url=url, api_key=key, max_retries=0
    )
    return embeddings.embed_documents(["a"])


def _call_rerank(protocol: ProtocolName, url: str, key: str) -> object:
    reranker = QwenWorkspaceRerank(model="qwen3-rerank", protocol=protocol, base_url=url, api_key=key, max_retries=0)
    return reranker.compress_documents([Document("a")], "b")


def _call_with_key_provider(protocol: ProtocolName, url: str, key: str) -> object:
    llm = ChatQwenWorkspace(
        model="qwen-plus", protocol=protocol, base_url=url, api_key=lambda: _Hidden(key), max_retries=0
    )
    return llm.invoke("Hi")


@pytest.mark.parametrize("call", [_call_embeddings, _call_rerank, _call_with_key_provider])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("echo", OF_OTHER_CALLS)
def test_no_error_of_another_call_shows_an_echoed_key(
    echo: str, key: str, protocol: ProtocolName, call: Callable[[ProtocolName, str, str], object]
) -> None:
    with raw_server(lambda _: ECHOES[echo](key)) as url:
        error = error_of(lambda: call(protocol, url, key))
    assert hits(error, key) == []


def _call_permissions(url: str, key: str) -> object:
    return QwenWorkspace(base_url=url, api_key=SecretStr(key)).permitted_models()


def _call_limits(url: str, key: str) -> object:
    return QwenWorkspace(base_url=url, api_key=SecretStr(key)).limits()


def _batch(url: str, key: str) -> QwenWorkspaceBatch[Any]:
    return QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", base_url=url, api_key=key, max_retries=0))


def _upload_batch(url: str, key: str) -> object:
    return _batch(url, key).submit(["Hi"])


def _create_batch(url: str, key: str) -> object:
    batch = _batch(url, key)
    return batch._create(batch._request("/batches", {"input_file_id": "file-1"}))


def _read_batch(url: str, key: str) -> object:
    batch = _batch(url, key)
    return list(batch._iter_results(BatchStatus("batch_1", "completed", 1, 1, 0, (), {"output_file_id": "file-1"})))


@pytest.mark.parametrize("call", [_call_permissions, _call_limits, _upload_batch, _create_batch, _read_batch])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("echo", OF_OTHER_CALLS)
def test_no_error_of_a_call_of_one_protocol_shows_an_echoed_key(
    echo: str, key: str, call: Callable[[str, str], object]
) -> None:
    with raw_server(lambda _: ECHOES[echo](key)) as url:
        error = error_of(lambda: call(url, key))
    assert hits(error, key) == []


@pytest.mark.filterwarnings("ignore:.*by plain http")
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("echo", ["a malformed status line", "X-Request-Id", "the beginning of a body", "nothing"])
def test_no_error_behind_a_proxy_shows_the_key(
    echo: str, stub: ProtocolStub, ask: Ask, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy of a plain-http target is sent the key; the HTTP libraries' variables have it when it closes."""
    with raw_server(lambda _: ECHOES[echo](key) if echo in ECHOES else b"") as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        error = error_of(lambda: ask(stub.llm("http://models.example", api_key=key)))
    assert hits(error, key) == []


def test_a_key_in_the_request_id_of_an_answer_is_masked(stub: ProtocolStub, server: Server, ask: Ask) -> None:
    server.default = lambda received: stub.reply_to(received).with_headers(x_request_id=OTHER)
    assert OTHER not in repr(ask(stub.llm(server, api_key=OTHER)).response_metadata)


def test_a_secret_header_that_is_echoed_is_masked(stub: ProtocolStub, server: Server) -> None:
    """`default_headers` is where other credentials belong, such as a gateway's."""
    server.default = lambda received: stub.error(401, "No", f"Unknown token {received.headers['x-gateway-token']}.")
    error = error_of(lambda: stub.llm(server, default_headers={"X-Gateway-Token": "gateway-s3cr3t"}).invoke("Hi"))
    assert "s3cr3t" not in f"{error} {error.__cause__}"


def test_a_harmless_error_is_unchanged(stub: ProtocolStub, server: Server) -> None:
    server.default = lambda _: stub.error(400, "InvalidParameter", "The task-id sk-1 of risk-assessment is unknown.")
    error = error_of(lambda: stub.llm(server, api_key="sk-5f3aQ7c1e9b24d08").invoke("Hi"))
    assert (error.message, error.code) == ("The task-id sk-1 of risk-assessment is unknown.", "InvalidParameter")


def test_an_exception_of_the_caller_is_not_redacted(stub: ProtocolStub, server: Server) -> None:
    """The call is made while it is handled, so it is in the context of the call's error."""
    server.default = lambda _: stub.error(400, None, "No.")
    ours = ValueError(SHAPED)
    try:
        raise ours
    except ValueError:
        error_of(lambda: stub.llm(server, api_key=SHAPED).invoke("Hi"))
    assert ours.args == (SHAPED,)


def test_the_users_request_is_not_changed(server: Server) -> None:
    """Only the exception's copy of it is redacted: a user's own client or transport may still hold it."""
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(401, json={"error": {"message": SHAPED}})

    with httpx.Client(transport=httpx.MockTransport(handle)) as client:
        llm = ChatQwenWorkspace(model="qwen-plus", base_url=server.url, api_key=SHAPED, http_client=client)
        error_of(lambda: llm.invoke("Hi"))
    assert sent[0].headers["authorization"] == f"Bearer {SHAPED}"
