"""Usage events of embedding requests that failed or were interrupted: one for each, and no others."""

import asyncio
import contextlib
import signal
import threading
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
from tests.support.callbacks import AsyncCallbackRecorder, CallbackRecorder
from tests.support.protocols import ProtocolStub
from tests.support.retrieval import (
    NUMBERS,
    Embed,
    EmbeddingService,
    counted_body,
    embedding_body,
    make_embeddings,
    texts_in,
    token_totals,
    tokens_of_request,
    vector_of,
)
from tests.support.server import Act, Received, Reply, Server, json_reply
from tests.support.waiting import DEADLINE, await_until, wait_until, worker_threads


def failure_event(stub: ProtocolStub, error: str, request_id: str | None = "req-body", **other: Any) -> dict[str, Any]:
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


# --- failures ---


@pytest.mark.parametrize("limit", [1, 4])
def test_a_request_that_fails_after_its_retries_has_one_event(
    server: Server, stub: ProtocolStub, embed_any_way: Embed, limit: int
) -> None:
    server.default = service = EmbeddingService(stub, lambda number: number == 2, delay=0.002)
    recorder, async_recorder = CallbackRecorder(), AsyncCallbackRecorder()
    embeddings = make_embeddings(
        server, stub, max_concurrency=limit, max_retries=1, callbacks=[recorder, async_recorder]
    )
    with pytest.raises(ServerError):
        embed_any_way(embeddings, NUMBERS)
    assert service.failed == [2, 2]
    assert [event for event in recorder.usage_events if "failed" in event] == [failure_event(stub, "ServerError")]
    # There is also one for each request that was answered, and none for those that were never sent.
    assert sorted(token_totals(recorder)) == sorted(tokens_of_request(number) for number in service.answered)
    assert len(recorder.usage_events) == len(service.answered) + 1
    assert async_recorder.usage_events == recorder.usage_events


def test_each_of_several_failures_has_an_event(server: Server, stub: ProtocolStub, embed_any_way: Embed) -> None:
    both = threading.Barrier(2, timeout=DEADLINE)

    def reply(received: Received) -> Reply:
        both.wait()
        first = texts_in(received)[0] == "0"
        return stub.error(*((429, "Throttling") if first else (401, "InvalidApiKey")), "No.")

    server.default = reply
    recorder = CallbackRecorder()
    with pytest.raises(RateLimitError):
        embed_any_way(make_embeddings(server, stub, max_concurrency=2, callbacks=[recorder]), NUMBERS)
    assert recorder.usage_events == [failure_event(stub, "RateLimitError"), failure_event(stub, "AuthenticationError")]


def test_a_malformed_response_has_a_failure_event(server: Server, stub: ProtocolStub, embed_any_way: Embed) -> None:
    server.script(json_reply(embedding_body(stub, [[1.0]])))
    recorder = CallbackRecorder()
    with pytest.raises(ServerError):
        embed_any_way(make_embeddings(server, stub, callbacks=[recorder]), NUMBERS[:2])
    request_id = "req-body" if stub.is_dashscope else "req-header"
    assert recorder.usage_events == [failure_event(stub, "InvalidResponseError", request_id)]


def test_a_failed_connection_has_a_failure_event(stub: ProtocolStub, embed_any_way: Embed) -> None:
    with Server() as gone:
        embeddings = make_embeddings(gone, stub, callbacks=[recorder := CallbackRecorder()])
    with pytest.raises(APIConnectionError):
        embed_any_way(embeddings, NUMBERS[:2])
    assert recorder.usage_events == [failure_event(stub, "APIConnectionError", None)]


def test_inputs_that_were_never_sent_have_no_event(server: Server, stub: ProtocolStub, embed_any_way: Embed) -> None:
    recorder = CallbackRecorder()
    with pytest.raises(UnsupportedInputError):
        embed_any_way(make_embeddings(server, stub, callbacks=[recorder]), [""])
    assert (recorder.usage_events, server.requests) == ([], [])


def test_after_a_failover_the_event_names_the_workspace_that_failed_last(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.error(500, "InternalError", "No.")
    team = [
        QwenWorkspace(api_key=f"sk-{number}", workspace_id=f"ws-{number}", region="singapore", base_url=server.url)
        for number in (1, 2)
    ]
    recorder = CallbackRecorder()
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v9",
        protocol=stub.protocol,
        workspace=WorkspaceRouter(tenants={"team": team}),
        max_retries=0,
        callbacks=[recorder],
    )
    with pytest.raises(ServerError):
        RunnableLambda(embeddings.embed_query).invoke("1", {"configurable": {"tenant": "team"}})
    assert recorder.usage_events == [failure_event(stub, "ServerError", workspace_id="ws-2")]


@pytest.mark.parametrize("limit", [1, 4])
def test_a_handlers_error_on_a_failure_event_is_raised(
    server: Server, stub: ProtocolStub, embed_any_way: Embed, limit: int
) -> None:
    class Broken(CallbackRecorder):
        def on_custom_event(self, name: str, data: Any, **about: Any) -> None:
            super().on_custom_event(name, data, **about)
            if "failed" in data:
                raise ZeroDivisionError

    server.default = EmbeddingService(stub, lambda number: number == 0)
    with pytest.raises(ZeroDivisionError) as caught:
        embed_any_way(make_embeddings(server, stub, max_concurrency=limit, callbacks=[Broken()]), NUMBERS)
    behind = caught.value.__context__
    assert isinstance(behind, ServerError)
    assert behind.partial is not None
    assert set(range(10)) <= behind.partial.missing.keys()


# --- interrupted ---


def hang_from(stub: ProtocolStub, number: int) -> Callable[[Received], Reply]:
    """Return a responder that answers the first requests, and leaves those from `number` on unanswered."""

    def reply(received: Received) -> Reply:
        texts = texts_in(received)
        if int(texts[0]) >= number * 10:
            return Reply((Act.AWAIT_HANGUP,))
        return json_reply(counted_body(stub, texts))

    return reply


def test_closing_an_async_iterator_reports_answered_and_cancelled_requests(
    fresh_server: Server, stub: ProtocolStub
) -> None:
    fresh_server.default = hang_from(stub, 3)
    recorder = CallbackRecorder()

    async def listen() -> None:
        vectors: Any = make_embeddings(
            fresh_server, stub, max_concurrency=2, callbacks=[recorder]
        ).alazy_embed_documents(NUMBERS)
        assert await anext(vectors) == vector_of("0")
        await await_until(lambda: len(fresh_server.requests) == 5)
        await vectors.aclose()

    asyncio.run(listen())
    assert token_totals(recorder) == [tokens_of_request(number) for number in range(3)]
    assert recorder.usage_events[3:] == [failure_event(stub, "CancelledError", None)] * 2


def test_cancelling_a_task_reports_the_running_requests(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = hang_from(stub, 0)
    recorder, async_recorder = CallbackRecorder(), AsyncCallbackRecorder()

    async def give_up() -> None:
        embeddings = make_embeddings(fresh_server, stub, max_concurrency=3, callbacks=[recorder, async_recorder])
        task = asyncio.create_task(embeddings.aembed_documents(NUMBERS))
        await await_until(lambda: len(fresh_server.requests) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    assert recorder.usage_events == async_recorder.usage_events == [failure_event(stub, "CancelledError", None)] * 3


def test_the_end_of_the_event_loop_reports_the_running_requests(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = hang_from(stub, 0)
    recorder = CallbackRecorder()

    async def leave() -> None:
        embeddings = make_embeddings(fresh_server, stub, max_concurrency=3, callbacks=[recorder])
        tasks.add(asyncio.create_task(embeddings.aembed_documents(NUMBERS)))
        await await_until(lambda: len(fresh_server.requests) == 3)

    tasks: set[asyncio.Task[Any]] = set()
    asyncio.run(leave())
    assert [task.cancelled() for task in tasks] == [True]
    assert recorder.usage_events == [failure_event(stub, "CancelledError", None)] * 3


@contextlib.contextmanager
def send_interrupt(when: Callable[[], object]) -> Iterator[None]:
    """Send SIGINT to the main thread as soon as a condition holds, and expect `KeyboardInterrupt`."""

    def send_sigint() -> None:
        wait_until(when)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    sender = threading.Thread(target=send_sigint)
    sender.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    sender.join()


@pytest.mark.parametrize(("limit", "running"), [(1, 1), (3, 3)])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_keyboard_interrupt_starts_no_request_and_waits_for_none(
    fresh_server: Server, stub: ProtocolStub, limit: int, running: int, *, lazy: bool
) -> None:
    release = threading.Event()
    before = worker_threads()

    def reply(received: Received) -> Reply:
        answered = hang_from(stub, 99)(received)
        return answered if texts_in(received)[0] == "0" else Reply((release, *answered.parts), 200, answered.headers)

    fresh_server.default = reply
    recorder = CallbackRecorder()
    embeddings = make_embeddings(fresh_server, stub, max_concurrency=limit, callbacks=[recorder])
    with send_interrupt(lambda: len(fresh_server.requests) == 1 + running):
        list(embeddings.lazy_embed_documents(NUMBERS)) if lazy else embeddings.embed_documents(NUMBERS)
    assert token_totals(recorder) == [tokens_of_request(0)]
    assert recorder.usage_events[1:] == [failure_event(stub, "KeyboardInterrupt", None)] * running
    release.set()
    wait_until(lambda: not (worker_threads() - before))
    assert len(fresh_server.requests) == 1 + running


def test_closing_an_iterator_waits_for_the_running_requests_and_leaves_no_thread(
    fresh_server: Server, stub: ProtocolStub
) -> None:
    before = worker_threads()
    fresh_server.default = service = EmbeddingService(stub, lambda number: number == 2, delay=0.05)
    recorder = CallbackRecorder()
    vectors: Any = make_embeddings(fresh_server, stub, max_concurrency=3, callbacks=[recorder]).lazy_embed_documents(
        NUMBERS
    )
    next(vectors)
    vectors.close()
    # Threads of other tests may still end.
    assert worker_threads() <= before
    assert len(recorder.usage_events) == len(service.answered) + len(service.failed) == len(fresh_server.requests)
    assert [event["error"] for event in recorder.usage_events if "failed" in event] == ["ServerError"] * len(
        service.failed
    )
