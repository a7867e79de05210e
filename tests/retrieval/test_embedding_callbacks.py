"""Requests of embeddings that failed for good or were interrupted: callbacks are told of each once, and of no other."""

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from langchain_qwen_workspace import (
    APIConnectionError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    RateLimitError,
    ServerError,
    UnsupportedInputError,
    WorkspaceRouter,
)
from tests.retrieval.test_embedding_failures import TEXTS, AsyncTold, Service, Told, tokens_of
from tests.retrieval.test_embeddings import embedder, rows, texts_in, vector_of
from tests.retrieval.test_ordered_pool import wait_until, workers
from tests.support.protocols import ProtocolStub
from tests.support.server import Act, Received, Reply, Server, json_reply

Embed = Callable[[QwenWorkspaceEmbeddings, list[str]], list[list[float]]]


@pytest.fixture(params=["sync", "async", "lazy", "alazy"])
def embed(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Embed:
    async def collected(embeddings: QwenWorkspaceEmbeddings, texts: list[str]) -> list[list[float]]:
        return [vector async for vector in embeddings.alazy_embed_documents(texts)]

    ways: dict[str, Embed] = {
        "sync": lambda embeddings, texts: embeddings.embed_documents(texts),
        "async": lambda embeddings, texts: runner.run(embeddings.aembed_documents(texts)),
        "lazy": lambda embeddings, texts: list(embeddings.lazy_embed_documents(texts)),
        "alazy": lambda embeddings, texts: runner.run(collected(embeddings, texts)),
    }
    return ways[request.param]


def failed(stub: ProtocolStub, error: str, request_id: str | None = "req-body", **other: Any) -> dict[str, Any]:
    return {
        "operation": "embedding",
        "model": "text-embedding-v9",
        "protocol": stub.protocol,
        "region": "ap-southeast-1",
        "workspace_id": "ws-test",
        "request_id": request_id,
        "usage_metadata": None,
        "failed": True,
        "error": error,
        "free": error in ("ServerError", "RateLimitError", "AuthenticationError"),
        "interrupted": error in ("CancelledError", "KeyboardInterrupt"),
        **other,
    }


# --------------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("limit", [1, 4])
def test_a_request_that_failed_for_good_is_told_once(
    server: Server, stub: ProtocolStub, embed: Embed, limit: int
) -> None:
    server.default = service = Service(stub, lambda batch: batch == 2, delay=0.002)
    told, also_told = Told(), AsyncTold()
    embeddings = embedder(server, stub, max_concurrency=limit, max_retries=1, callbacks=[told, also_told])
    with pytest.raises(ServerError):
        embed(embeddings, TEXTS)
    assert service.failed == [2, 2]
    assert [event for event in told.events if "failed" in event] == [failed(stub, "ServerError")]
    # And each that was answered; nothing else, although more were taken.
    assert sorted(told.tokens) == sorted(tokens_of(batch) for batch in service.answered)
    assert len(told.events) == len(service.answered) + 1
    assert also_told.events == told.events


def test_of_several_failures_each_is_told(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    both = threading.Barrier(2, timeout=5)

    def reply(received: Received) -> Reply:
        both.wait()
        first = texts_in(received)[0] == "0"
        return stub.error(*((429, "Throttling") if first else (401, "InvalidApiKey")), "No.")

    server.default = reply
    told = Told()
    with pytest.raises(RateLimitError):
        embed(embedder(server, stub, max_concurrency=2, callbacks=[told]), TEXTS)
    assert told.events == [failed(stub, "RateLimitError"), failed(stub, "AuthenticationError")]


def test_an_answer_that_does_not_fit_has_failed(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.script(json_reply(rows(stub, [[1.0]])))
    told = Told()
    with pytest.raises(ServerError):
        embed(embedder(server, stub, callbacks=[told]), TEXTS[:2])
    request_id = "req-body" if stub.is_dashscope else "req-header"
    assert told.events == [failed(stub, "InvalidResponseError", request_id)]


def test_a_service_that_was_not_reached_is_told(stub: ProtocolStub, embed: Embed) -> None:
    with Server() as gone:
        embeddings = embedder(gone, stub, callbacks=[told := Told()])
    with pytest.raises(APIConnectionError):
        embed(embeddings, TEXTS[:2])
    assert told.events == [failed(stub, "APIConnectionError", None)]


def test_what_was_never_sent_is_not_told(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    told = Told()
    with pytest.raises(UnsupportedInputError):
        embed(embedder(server, stub, callbacks=[told]), [""])
    assert (told.events, server.requests) == ([], [])


def test_of_a_routers_workspaces_the_one_that_failed_last_is_told(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.error(500, "InternalError", "No.")
    team = [
        QwenWorkspace(api_key=f"sk-{number}", workspace_id=f"ws-{number}", base_url=server.url) for number in (1, 2)
    ]
    told = Told()
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v9",
        protocol=stub.protocol,
        workspace=WorkspaceRouter(tenants={"team": team}),
        max_retries=0,
        callbacks=[told],
    )
    with pytest.raises(ServerError):
        RunnableLambda(embeddings.embed_query).invoke("1", {"configurable": {"tenant": "team"}})
    assert told.events == [failed(stub, "ServerError", workspace_id="ws-2")]


@pytest.mark.parametrize("limit", [1, 4])
def test_an_error_of_a_handler_is_raised_as_when_told_of_an_answer(
    server: Server, stub: ProtocolStub, embed: Embed, limit: int
) -> None:
    class Broken(Told):
        def on_custom_event(self, name: str, data: Any, **about: Any) -> None:
            super().on_custom_event(name, data, **about)
            if "failed" in data:
                raise ZeroDivisionError

    server.default = Service(stub, lambda batch: batch == 0)
    with pytest.raises(ZeroDivisionError) as caught:
        embed(embedder(server, stub, max_concurrency=limit, callbacks=[Broken()]), TEXTS)
    behind = caught.value.__context__
    assert isinstance(behind, ServerError)
    assert behind.partial is not None
    assert set(range(10)) <= behind.partial.missing.keys()


# ----------------------------------------------------------------------------------------------------- interrupted


def begins_to_hang(stub: ProtocolStub, from_batch: int) -> Callable[[Received], Reply]:
    """Answer the first batches, and leave the others without an answer."""

    def reply(received: Received) -> Reply:
        texts = texts_in(received)
        if int(texts[0]) >= from_batch * 10:
            return Reply((Act.AWAIT_HANGUP,))
        body = rows(stub, [vector_of(text) for text in texts])
        body["usage"] = {"total_tokens": sum(map(len, texts))}
        return json_reply(body)

    return reply


def test_a_closed_async_iterator_tells_what_was_answered_and_what_it_cancelled(
    fresh_server: Server, stub: ProtocolStub
) -> None:
    fresh_server.default = begins_to_hang(stub, 3)
    told = Told()

    async def listen() -> None:
        vectors: Any = embedder(fresh_server, stub, max_concurrency=2, callbacks=[told]).alazy_embed_documents(TEXTS)
        assert await anext(vectors) == vector_of("0")
        assert await asyncio.to_thread(wait_until, lambda: len(fresh_server.requests) == 5)
        await vectors.aclose()

    asyncio.run(listen())
    assert told.tokens == [tokens_of(batch) for batch in range(3)]
    assert told.events[3:] == [failed(stub, "CancelledError", None)] * 2


def test_who_is_cancelled_is_told_what_was_under_way(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = begins_to_hang(stub, 0)
    told, also_told = Told(), AsyncTold()

    async def give_up() -> None:
        embeddings = embedder(fresh_server, stub, max_concurrency=3, callbacks=[told, also_told])
        task = asyncio.create_task(embeddings.aembed_documents(TEXTS))
        assert await asyncio.to_thread(wait_until, lambda: len(fresh_server.requests) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    assert told.events == also_told.events == [failed(stub, "CancelledError", None)] * 3


def test_what_a_loop_that_ends_cancels_is_told(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = begins_to_hang(stub, 0)
    told = Told()

    async def leave() -> None:
        embeddings = embedder(fresh_server, stub, max_concurrency=3, callbacks=[told])
        tasks.add(asyncio.create_task(embeddings.aembed_documents(TEXTS)))
        assert await asyncio.to_thread(wait_until, lambda: len(fresh_server.requests) == 3)

    tasks: set[asyncio.Task[Any]] = set()
    asyncio.run(leave())
    assert [task.cancelled() for task in tasks] == [True]
    assert told.events == [failed(stub, "CancelledError", None)] * 3


@contextlib.contextmanager
def interrupted(when: Callable[[], object]) -> Iterator[None]:
    """Press Ctrl-C as soon as something is so."""

    def press() -> None:
        wait_until(when)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    finger = threading.Thread(target=press)
    finger.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    finger.join()


@pytest.mark.parametrize(("limit", "under_way"), [(1, 1), (3, 3)])
@pytest.mark.parametrize("lazy", [False, True])
def test_an_interrupted_process_begins_nothing_more_and_waits_for_nothing(
    fresh_server: Server, stub: ProtocolStub, limit: int, under_way: int, *, lazy: bool
) -> None:
    release = threading.Event()
    before = workers()

    def reply(received: Received) -> Reply:
        answered = begins_to_hang(stub, 99)(received)
        return answered if texts_in(received)[0] == "0" else Reply((release, *answered.parts), 200, answered.headers)

    fresh_server.default = reply
    told = Told()
    embeddings = embedder(fresh_server, stub, max_concurrency=limit, callbacks=[told])
    with interrupted(lambda: len(fresh_server.requests) == 1 + under_way):
        list(embeddings.lazy_embed_documents(TEXTS)) if lazy else embeddings.embed_documents(TEXTS)
    assert told.tokens == [tokens_of(0)]
    assert told.events[1:] == [failed(stub, "KeyboardInterrupt", None)] * under_way
    release.set()
    assert wait_until(lambda: not (workers() - before))
    assert len(fresh_server.requests) == 1 + under_way


def test_a_closed_iterator_waits_for_what_is_under_way_and_keeps_no_thread(
    fresh_server: Server, stub: ProtocolStub
) -> None:
    before = workers()
    fresh_server.default = service = Service(stub, lambda batch: batch == 2, delay=0.05)
    told = Told()
    vectors: Any = embedder(fresh_server, stub, max_concurrency=3, callbacks=[told]).lazy_embed_documents(TEXTS)
    next(vectors)
    vectors.close()
    assert workers() == before
    assert len(told.events) == len(service.answered) + len(service.failed) == len(fresh_server.requests)
    assert [event["error"] for event in told.events if "failed" in event] == ["ServerError"] * len(service.failed)
    time.sleep(0.06)
    assert len(told.events) == len(fresh_server.requests)
