"""When requests fail: what was done is kept, what was not is named, nothing is lost or paid twice, and who is told."""

import asyncio
import copy
import pickle
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

from langchain_qwen_workspace import (
    AuthenticationError,
    InvalidRequestError,
    InvalidResponseError,
    PermissionDeniedError,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace._retrieval.embedding_call import EmbeddingRun, _format_ranges
from tests.retrieval.test_embeddings import embedder, rows, texts_in, vector_of
from tests.support.protocols import DASHSCOPE, ProtocolStub
from tests.support.server import Received, Reply, Server, json_reply

Embed = Callable[[QwenWorkspaceEmbeddings, list[str]], list[list[float]]]
EachOf = Callable[[QwenWorkspaceEmbeddings, Iterator[str], list[list[float]]], None]


@pytest.fixture(params=["sync", "async"])
def embed(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Embed:
    if request.param == "sync":
        return lambda embeddings, texts: embeddings.embed_documents(texts)
    return lambda embeddings, texts: runner.run(embeddings.aembed_documents(texts))


@pytest.fixture(params=["lazy", "alazy"])
def embed_each(request: pytest.FixtureRequest, runner: asyncio.Runner) -> EachOf:
    """Put the vectors into a list, one after the other, so that those before an error are there."""

    def each(embeddings: QwenWorkspaceEmbeddings, texts: Iterator[str], into: list[list[float]]) -> None:
        for vector in embeddings.lazy_embed_documents(texts):
            into.append(vector)  # noqa: PERF402 - those before an error are wanted

    async def aeach(embeddings: QwenWorkspaceEmbeddings, texts: Iterator[str], into: list[list[float]]) -> None:
        async def source() -> AsyncIterator[str]:
            for text in texts:
                yield text

        async for vector in embeddings.alazy_embed_documents(source()):
            into.append(vector)  # noqa: PERF401 - those before an error are wanted

    if request.param == "lazy":
        return each
    return lambda embeddings, texts, into: runner.run(aeach(embeddings, texts, into))


class Service:
    """Answers each text with its vector and a token for each of its letters, and fails the batches that it is told."""

    def __init__(
        self,
        stub: ProtocolStub,
        fails: Callable[[int], bool],
        error: tuple[int, str] = (500, "InternalError"),
        *,
        once: bool = False,
        delay: float = 0.0,
    ) -> None:
        self.answered: list[int] = []
        self.failed: list[int] = []
        self._dialect = stub
        self._fails = fails
        self._error = error
        self._once = once
        self._delay = delay
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Reply:
        texts = texts_in(received)
        batch = int(texts[0]) // 10
        with self._lock:
            fails = self._fails(batch) and not (self._once and batch in self.failed)
            (self.failed if fails else self.answered).append(batch)
        if fails:
            return self._dialect.error(*self._error, "No.")
        time.sleep(self._delay)
        body = rows(self._dialect, [vector_of(text) for text in texts])
        body["usage"]["total_tokens"] = sum(map(len, texts))
        body["usage"].pop("prompt_tokens", None)
        return json_reply(body)


TEXTS = [f"{number}" for number in range(200)]


def tokens_of(batch: int) -> int:
    return sum(map(len, TEXTS[batch * 10 : batch * 10 + 10]))


class Told(BaseCallbackHandler):
    """Keeps what it is told."""

    raise_error = True

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.runs: list[UUID] = []
        self.chains: list[UUID] = []

    def on_chain_start(self, *_: Any, run_id: UUID, **__: Any) -> None:
        self.chains.append(run_id)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        assert name == "qwen_workspace_usage"
        self.events.append(data)
        self.runs.append(run_id)

    @property
    def tokens(self) -> list[int]:
        return [event["usage_metadata"]["total_tokens"] for event in self.events if "failed" not in event]


class AsyncTold(AsyncCallbackHandler):
    """Keeps what it is told, in a coroutine."""

    raise_error = True

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        await asyncio.sleep(0)
        assert name == "qwen_workspace_usage"
        self.events.append(data)


# ------------------------------------------------------------------------------------------------------ short failures


@pytest.mark.parametrize("error", [(500, "InternalError"), (429, "Throttling")], ids=["500", "429"])
def test_every_fifth_request_fails_once_and_each_text_is_paid_once(
    server: Server, stub: ProtocolStub, embed: Embed, error: tuple[int, str]
) -> None:
    server.default = service = Service(stub, lambda batch: batch % 5 == 4, error, once=True)
    told = Told()
    assert embed(embedder(server, stub, max_retries=2, callbacks=[told]), TEXTS) == [vector_of(t) for t in TEXTS]
    assert sorted(service.answered) == list(range(20))
    assert sorted(service.failed) == [4, 9, 14, 19]
    sent = Counter(text for received in server.requests for text in texts_in(received))
    assert sent == {text: 2 if (number // 10) % 5 == 4 else 1 for number, text in enumerate(TEXTS)}
    assert told.tokens == [tokens_of(batch) for batch in range(20)]
    assert len(told.events) == 20


# ---------------------------------------------------------------------------------------------------- lasting failures

LASTING: list[tuple[int, str, type[QwenWorkspaceError]]] = [
    (429, "Throttling", RateLimitError),
    (401, "InvalidApiKey", AuthenticationError),
    (403, "Model.AccessDenied", PermissionDeniedError),
    (400, "InvalidParameter", InvalidRequestError),
    (500, "InternalError", ServerError),
]


@pytest.mark.parametrize("lasting", LASTING, ids=[str(row[0]) for row in LASTING])
@pytest.mark.parametrize("wrong", [0, 7, 19])
def test_a_request_that_stays_failed_keeps_what_was_done(
    server: Server,
    stub: ProtocolStub,
    embed: Embed,
    lasting: tuple[int, str, type[QwenWorkspaceError]],
    wrong: int,
) -> None:
    status, code, kind = lasting
    server.default = service = Service(stub, lambda batch: batch == wrong, (status, code), delay=0.002)
    told = Told()
    embeddings = embedder(server, stub, max_concurrency=4, callbacks=[told])
    with pytest.raises(kind) as caught:
        embed(embeddings, TEXTS)

    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.code) == (status, code)
    assert error.__cause__ is not None
    partial = error.partial
    assert partial is not None
    assert sorted([*partial.embedded, *partial.missing]) == list(range(200))
    assert partial.embedded == {place: vector_of(TEXTS[place]) for place in partial.embedded}
    assert partial.missing == {place: TEXTS[place] for place in partial.missing}
    # All that was answered is there, and its tokens were told.
    assert set(partial.embedded) == {batch * 10 + place for batch in service.answered for place in range(10)}
    assert sorted(told.tokens) == sorted(tokens_of(batch) for batch in service.answered)

    server.default = Service(stub, lambda _: False)
    again = embed(embeddings, list(partial.missing.values()))
    found = partial.embedded | dict(zip(partial.missing, again, strict=True))
    assert [found[place] for place in range(200)] == [vector_of(text) for text in TEXTS]


def test_nothing_is_begun_after_a_failure(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = service = Service(stub, lambda batch: batch == 3, delay=0.02)
    with pytest.raises(ServerError):
        embed(embedder(server, stub, max_concurrency=2), TEXTS)
    begun = len(server.requests)
    # 0 and 1, 2 and 3, and what began beside 3 before its failure was read.
    assert begun <= 6
    time.sleep(0.03)
    assert len(server.requests) == begun
    assert len(service.answered) + len(service.failed) == begun


def test_the_message_names_the_positions(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = Service(stub, lambda batch: batch == 1)
    with pytest.raises(ServerError) as caught:
        embed(embedder(server, stub, max_concurrency=1), TEXTS[:35])
    assert caught.value.message == (
        "No. The inputs at positions 10 to 34 were not embedded; `partial` of this error has them and the "
        "vectors that were made."
    )
    assert str(caught.value).startswith("No. The inputs at positions 10 to 34 were not embedded;")


def test_positions_are_told_as_runs() -> None:
    assert _format_ranges([0, 1, 2, 5, 7, 8]) == "0 to 2, 5, 7 to 8"


def test_a_single_text_needs_no_position(server: Server, stub: ProtocolStub) -> None:
    server.default = Service(stub, lambda _: True)
    with pytest.raises(ServerError) as caught:
        embedder(server, stub).embed_query("7")
    assert caught.value.message == "No."
    assert caught.value.partial is not None
    assert (caught.value.partial.embedded, caught.value.partial.missing) == ({}, {0: "7"})


def test_an_error_travels_between_processes_with_what_was_done(
    server: Server, stub: ProtocolStub, embed: Embed
) -> None:
    server.default = Service(stub, lambda batch: batch == 1, (429, "Throttling"))
    with pytest.raises(RateLimitError) as caught:
        embed(embedder(server, stub, max_concurrency=1), TEXTS[:20])
    thawed = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - made in the same line
    assert type(thawed) is RateLimitError
    assert str(thawed) == str(caught.value)
    assert thawed.partial == caught.value.partial
    assert thawed.partial is not None
    assert thawed.partial.missing == {place: f"{place}" for place in range(10, 20)}


def test_of_several_failures_the_first_in_order_is_raised(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    both = threading.Barrier(2, timeout=5)

    def reply(received: Received) -> Reply:
        both.wait()
        first = texts_in(received)[0] == "0"
        return stub.error(*((429, "Throttling") if first else (401, "InvalidApiKey")), "No.")

    server.default = reply
    with pytest.raises(RateLimitError):
        embed(embedder(server, stub, max_concurrency=2), TEXTS[:20])


def test_what_is_missing_of_texts_is_texts_on_a_multimodal_model_too(server: Server, embed: Embed) -> None:
    server.default = lambda _: DASHSCOPE.error(500, "InternalError", "No.")
    with pytest.raises(ServerError) as caught:
        embed(embedder(server, DASHSCOPE, model="qwen3-vl-embedding"), ["a", "b"])
    assert caught.value.partial is not None
    assert caught.value.partial.missing == {0: "a", 1: "b"}


# ------------------------------------------------------------------------------------------------- failures of corpora


@pytest.mark.parametrize("limit", [1, 3])
def test_what_an_iterator_gave_out_is_not_in_the_error(
    server: Server, stub: ProtocolStub, embed_each: EachOf, limit: int
) -> None:
    server.default = Service(stub, lambda batch: batch == 3, delay=0.002)
    found: list[list[float]] = []
    with pytest.raises(ServerError) as caught:
        embed_each(embedder(server, stub, max_concurrency=limit), iter(TEXTS), found)
    partial = caught.value.partial
    assert partial is not None
    assert found == [vector_of(text) for text in TEXTS[:30]]
    assert not partial.embedded.keys() & partial.missing.keys()
    assert min([*partial.embedded, *partial.missing]) == 30
    assert set(range(30, 40)) <= partial.missing.keys()
    assert partial.embedded == {place: vector_of(TEXTS[place]) for place in partial.embedded}
    assert partial.missing == {place: TEXTS[place] for place in partial.missing}


@pytest.mark.parametrize("limit", [1, 3])
def test_nothing_that_was_taken_from_a_corpus_is_lost(
    server: Server, stub: ProtocolStub, embed_each: EachOf, limit: int
) -> None:
    server.default = Service(stub, lambda batch: batch == 3, delay=0.002)
    corpus, found = iter(TEXTS), list[list[float]]()
    with pytest.raises(ServerError) as caught:
        embed_each(embedder(server, stub, max_concurrency=limit), corpus, found)
    partial = caught.value.partial
    assert partial is not None
    left = list(corpus)
    assert sorted([*partial.embedded, *partial.missing]) == list(range(30, 200 - len(left)))


# ------------------------------------------------------------------------------------------- answers that do not fit


def test_vectors_of_two_requests_that_differ_in_size_are_no_answer(
    server: Server, stub: ProtocolStub, embed: Embed
) -> None:
    server.script(json_reply(rows(stub, [[1.0, 2.0]] * 10)), json_reply(rows(stub, [[1.0, 2.0, 3.0]] * 5)))
    with pytest.raises(InvalidResponseError, match="have 2 components, those of another 3") as caught:
        embed(embedder(server, stub, max_concurrency=1), TEXTS[:15])
    assert caught.value.partial is not None
    assert caught.value.partial.embedded == {place: [1.0, 2.0] for place in range(10)}
    assert caught.value.partial.missing == {place: f"{place}" for place in range(10, 15)}


def test_of_an_answer_that_does_not_fit_nothing_is_kept(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.script(json_reply(rows(stub, [[1.0]] * 10)), json_reply(rows(stub, [[1.0]] * 9)))
    with pytest.raises(InvalidResponseError) as caught:
        embed(embedder(server, stub, max_concurrency=1), TEXTS[:20])
    assert caught.value.partial is not None
    assert sorted(caught.value.partial.embedded) == list(range(10))
    assert sorted(caught.value.partial.missing) == list(range(10, 20))


# ------------------------------------------------------------------------------------------------- errors of others


@pytest.mark.parametrize("limit", [1, 4])
def test_an_error_of_a_handler_is_raised_and_nothing_hangs(
    fresh_server: Server, stub: ProtocolStub, embed: Embed, limit: int
) -> None:
    class Broken(Told):
        def on_custom_event(self, *_: Any, **__: Any) -> None:
            raise ZeroDivisionError

    fresh_server.default = Service(stub, lambda _: False, delay=0.002)
    with pytest.raises(ZeroDivisionError):
        embed(embedder(fresh_server, stub, max_concurrency=limit, callbacks=[Broken()]), TEXTS)


@pytest.mark.parametrize("limit", [1, 4])
def test_an_error_that_is_nobodys_is_raised_as_it_is(
    server: Server, stub: ProtocolStub, embed: Embed, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(EmbeddingRun, "_decode", broken)
    server.default = Service(stub, lambda _: False, delay=0.002)
    with pytest.raises(ZeroDivisionError):
        embed(embedder(server, stub, max_concurrency=limit), TEXTS)
    assert len(server.requests) <= 2 * limit


# ----------------------------------------------------------------------------------------------------- who is told


def test_an_event_says_who_was_asked_and_what_was_counted(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    told, also_told = Told(), AsyncTold()
    server.default = Service(stub, lambda _: False)
    embed(embedder(server, stub, callbacks=[told, also_told]), ["100", "1"])
    assert told.events == [
        {
            "operation": "embedding",
            "model": "text-embedding-v9",
            "protocol": stub.protocol,
            "region": "ap-southeast-1",
            "workspace_id": "ws-test",
            "request_id": "req-body" if stub.is_dashscope else "req-header",
            "usage_metadata": {"input_tokens": 4, "output_tokens": 0, "total_tokens": 4},
        }
    ]
    assert also_told.events == told.events


def test_there_is_an_event_for_each_request(
    server: Server, stub: ProtocolStub, embed_each: EachOf, embed: Embed
) -> None:
    server.default = Service(stub, lambda _: False, delay=0.001)
    told, also_told = Told(), AsyncTold()
    embeddings = embedder(server, stub, callbacks=[told, also_told])
    embed(embeddings, TEXTS[:45])
    assert told.tokens == [10, 20, 20, 20, 10]
    embed_each(embeddings, iter(TEXTS[:45]), [])
    assert told.tokens == [10, 20, 20, 20, 10] * 2
    assert also_told.events == told.events


def test_who_watches_the_chain_around_is_told_under_its_run(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    server.default = Service(stub, lambda _: False)
    embeddings = embedder(server, stub)
    told, async_told = Told(), Told()

    async def aquery(text: str) -> list[float]:
        return await embeddings.aembed_query(text)

    found = RunnableLambda(embeddings.embed_query).invoke("1", config={"callbacks": [told]})
    assert found == vector_of("1")
    assert runner.run(RunnableLambda(aquery).ainvoke("1", config={"callbacks": [async_told]})) == found
    for one in (told, async_told):
        assert one.tokens == [1]
        assert one.runs == one.chains
        assert len(one.chains) == 1


def test_an_event_without_counts_says_none(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = lambda _: json_reply({key: rows(stub, [[1.0]]).get(key) for key in ("output", "data")})
    told = Told()
    embed(embedder(server, stub, callbacks=[told]), ["a"])
    assert [event["usage_metadata"] for event in told.events] == [None]


def test_what_was_answered_and_not_given_out_is_told(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = service = Service(stub, lambda _: False, delay=0.02)
    told = Told()
    vectors: Any = embedder(fresh_server, stub, max_concurrency=2, callbacks=[told]).lazy_embed_documents(iter(TEXTS))
    next(vectors)
    time.sleep(0.05)
    vectors.close()
    assert len(told.events) == len(service.answered)


def test_a_deep_copy_tells_the_same_handlers(server: Server, stub: ProtocolStub) -> None:
    class Locked(Told):
        def __init__(self) -> None:
            super().__init__()
            self.lock = threading.Lock()

    told = Locked()
    server.default = Service(stub, lambda _: False)
    copy.deepcopy(embedder(server, stub, callbacks=[told])).embed_query("7")
    assert told.tokens == [1]
