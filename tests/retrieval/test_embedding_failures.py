"""Embedding requests that fail: retries, the vectors and inputs that the error keeps, and usage events."""

import asyncio
import copy
import pickle
import threading
from collections import Counter
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from langchain_qwen_workspace import (
    AuthenticationError,
    InvalidRequestError,
    InvalidResponseError,
    PermissionDeniedError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace._retrieval.embedding_call import EmbeddingRun, _format_ranges
from tests.support.callbacks import AsyncCallbackRecorder, CallbackRecorder
from tests.support.protocols import DASHSCOPE, ProtocolStub
from tests.support.retrieval import (
    NUMBERS,
    Embed,
    EmbeddingService,
    EmbedInto,
    embedding_body,
    make_embeddings,
    texts_in,
    token_totals,
    tokens_of_request,
    vector_of,
)
from tests.support.server import Received, Reply, Server, json_reply
from tests.support.waiting import DEADLINE, wait_until

# --- failures that pass ---


@pytest.mark.parametrize("error", [(500, "InternalError"), (429, "Throttling")], ids=["500", "429"])
def test_requests_that_fail_once_are_retried_and_each_text_is_embedded_once(
    server: Server, stub: ProtocolStub, embed: Embed, error: tuple[int, str]
) -> None:
    server.default = service = EmbeddingService(stub, lambda number: number % 5 == 4, error, once=True)
    recorder = CallbackRecorder()
    assert embed(make_embeddings(server, stub, max_retries=2, callbacks=[recorder]), NUMBERS) == [
        vector_of(t) for t in NUMBERS
    ]
    assert sorted(service.answered) == list(range(20))
    assert sorted(service.failed) == [4, 9, 14, 19]
    sent = Counter(text for received in server.requests for text in texts_in(received))
    assert sent == {text: 2 if (number // 10) % 5 == 4 else 1 for number, text in enumerate(NUMBERS)}
    assert token_totals(recorder) == [tokens_of_request(number) for number in range(20)]
    assert len(recorder.usage_events) == 20


# --- lasting failures ---

LASTING: list[tuple[int, str, type[QwenWorkspaceError]]] = [
    (429, "Throttling", RateLimitError),
    (401, "InvalidApiKey", AuthenticationError),
    (403, "Model.AccessDenied", PermissionDeniedError),
    (400, "InvalidParameter", InvalidRequestError),
    (500, "InternalError", ServerError),
]


@pytest.mark.parametrize("lasting", LASTING, ids=[str(row[0]) for row in LASTING])
@pytest.mark.parametrize("wrong", [0, 7, 19])
def test_the_error_of_a_failed_request_keeps_the_vectors_that_were_made(
    server: Server,
    stub: ProtocolStub,
    embed: Embed,
    lasting: tuple[int, str, type[QwenWorkspaceError]],
    wrong: int,
) -> None:
    status, code, kind = lasting
    server.default = service = EmbeddingService(stub, lambda number: number == wrong, (status, code), delay=0.002)
    recorder = CallbackRecorder()
    embeddings = make_embeddings(server, stub, max_concurrency=4, callbacks=[recorder])
    with pytest.raises(kind) as caught:
        embed(embeddings, NUMBERS)

    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.code) == (status, code)
    assert error.__cause__ is not None
    partial = error.partial
    assert partial is not None
    assert sorted([*partial.embedded, *partial.missing]) == list(range(200))
    assert partial.embedded == {place: vector_of(NUMBERS[place]) for place in partial.embedded}
    assert partial.missing == {place: NUMBERS[place] for place in partial.missing}
    # Every response is there, and has a usage event.
    assert set(partial.embedded) == {number * 10 + place for number in service.answered for place in range(10)}
    assert sorted(token_totals(recorder)) == sorted(tokens_of_request(number) for number in service.answered)

    server.default = EmbeddingService(stub)
    again = embed(embeddings, list(partial.missing.values()))
    found = partial.embedded | dict(zip(partial.missing, again, strict=True))
    assert [found[place] for place in range(200)] == [vector_of(text) for text in NUMBERS]


def test_no_request_is_started_after_a_failure(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = service = EmbeddingService(stub, lambda number: number == 3)
    with pytest.raises(ServerError):
        embed(make_embeddings(server, stub, max_concurrency=2), NUMBERS)
    # At most four are taken for each of the two that may run, from the one that failed on, and one ahead.
    assert len(server.requests) <= 3 + 2 * 4 + 1
    assert len(service.answered) + len(service.failed) == len(server.requests)


def test_the_error_message_names_the_positions_without_a_vector(
    server: Server, stub: ProtocolStub, embed: Embed
) -> None:
    server.default = EmbeddingService(stub, lambda number: number == 1)
    with pytest.raises(ServerError) as caught:
        embed(make_embeddings(server, stub, max_concurrency=1), NUMBERS[:35])
    assert caught.value.message == (
        "No. The inputs at positions 10 to 34 were not embedded; `partial` of this error has them and the "
        "vectors that were made."
    )
    assert str(caught.value).startswith("No. The inputs at positions 10 to 34 were not embedded;")


def test_consecutive_positions_are_formatted_as_ranges() -> None:
    assert _format_ranges([0, 1, 2, 5, 7, 8]) == "0 to 2, 5, 7 to 8"


def test_the_error_of_a_single_text_names_no_position(server: Server, stub: ProtocolStub) -> None:
    server.default = EmbeddingService(stub, lambda _: True)
    with pytest.raises(ServerError) as caught:
        make_embeddings(server, stub).embed_query("7")
    assert caught.value.message == "No."
    assert caught.value.partial is not None
    assert (caught.value.partial.embedded, caught.value.partial.missing) == ({}, {0: "7"})


def test_an_error_pickles_with_its_partial(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = EmbeddingService(stub, lambda number: number == 1, (429, "Throttling"))
    with pytest.raises(RateLimitError) as caught:
        embed(make_embeddings(server, stub, max_concurrency=1), NUMBERS[:20])
    thawed = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - made in the same line
    assert type(thawed) is RateLimitError
    assert str(thawed) == str(caught.value)
    assert thawed.partial == caught.value.partial
    assert thawed.partial is not None
    assert thawed.partial.missing == {place: f"{place}" for place in range(10, 20)}


def test_of_several_errors_the_first_in_order_is_raised(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    both = threading.Barrier(2, timeout=DEADLINE)

    def reply(received: Received) -> Reply:
        both.wait()
        first = texts_in(received)[0] == "0"
        return stub.error(*((429, "Throttling") if first else (401, "InvalidApiKey")), "No.")

    server.default = reply
    with pytest.raises(RateLimitError):
        embed(make_embeddings(server, stub, max_concurrency=2), NUMBERS[:20])


def test_the_missing_texts_of_a_multimodal_model_are_texts(server: Server, embed: Embed) -> None:
    server.default = lambda _: DASHSCOPE.error(500, "InternalError", "No.")
    with pytest.raises(ServerError) as caught:
        embed(make_embeddings(server, DASHSCOPE, model="qwen3-vl-embedding"), ["a", "b"])
    assert caught.value.partial is not None
    assert caught.value.partial.missing == {0: "a", 1: "b"}


# --- lazy iterators ---


@pytest.mark.parametrize("limit", [1, 3])
def test_vectors_that_were_yielded_are_not_in_the_error(
    server: Server, stub: ProtocolStub, embed_into: EmbedInto, limit: int
) -> None:
    server.default = EmbeddingService(stub, lambda number: number == 3, delay=0.002)
    found: list[list[float]] = []
    with pytest.raises(ServerError) as caught:
        embed_into(make_embeddings(server, stub, max_concurrency=limit), iter(NUMBERS), found)
    partial = caught.value.partial
    assert partial is not None
    assert found == [vector_of(text) for text in NUMBERS[:30]]
    assert not partial.embedded.keys() & partial.missing.keys()
    assert min([*partial.embedded, *partial.missing]) == 30
    assert set(range(30, 40)) <= partial.missing.keys()
    assert partial.embedded == {place: vector_of(NUMBERS[place]) for place in partial.embedded}
    assert partial.missing == {place: NUMBERS[place] for place in partial.missing}


@pytest.mark.parametrize("limit", [1, 3])
def test_every_text_that_was_read_is_yielded_or_in_the_error(
    server: Server, stub: ProtocolStub, embed_into: EmbedInto, limit: int
) -> None:
    server.default = EmbeddingService(stub, lambda number: number == 3, delay=0.002)
    corpus, found = iter(NUMBERS), list[list[float]]()
    with pytest.raises(ServerError) as caught:
        embed_into(make_embeddings(server, stub, max_concurrency=limit), corpus, found)
    partial = caught.value.partial
    assert partial is not None
    left = list(corpus)
    assert sorted([*partial.embedded, *partial.missing]) == list(range(30, 200 - len(left)))


# --- malformed responses ---


def test_vectors_of_different_sizes_in_two_requests_are_refused(
    server: Server, stub: ProtocolStub, embed: Embed
) -> None:
    server.script(
        json_reply(embedding_body(stub, [[1.0, 2.0]] * 10)), json_reply(embedding_body(stub, [[1.0, 2.0, 3.0]] * 5))
    )
    with pytest.raises(InvalidResponseError, match="have 2 components, those of another 3") as caught:
        embed(make_embeddings(server, stub, max_concurrency=1), NUMBERS[:15])
    assert caught.value.partial is not None
    assert caught.value.partial.embedded == {place: [1.0, 2.0] for place in range(10)}
    assert caught.value.partial.missing == {place: f"{place}" for place in range(10, 15)}


def test_no_vector_of_a_malformed_response_is_kept(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.script(json_reply(embedding_body(stub, [[1.0]] * 10)), json_reply(embedding_body(stub, [[1.0]] * 9)))
    with pytest.raises(InvalidResponseError) as caught:
        embed(make_embeddings(server, stub, max_concurrency=1), NUMBERS[:20])
    assert caught.value.partial is not None
    assert sorted(caught.value.partial.embedded) == list(range(10))
    assert sorted(caught.value.partial.missing) == list(range(10, 20))


# --- errors of handlers ---


@pytest.mark.parametrize("limit", [1, 4])
def test_an_error_of_a_handler_is_raised(fresh_server: Server, stub: ProtocolStub, embed: Embed, limit: int) -> None:
    class Broken(CallbackRecorder):
        def on_custom_event(self, *_: Any, **__: Any) -> None:
            raise ZeroDivisionError

    fresh_server.default = EmbeddingService(stub, delay=0.002)
    with pytest.raises(ZeroDivisionError):
        embed(make_embeddings(fresh_server, stub, max_concurrency=limit, callbacks=[Broken()]), NUMBERS)


@pytest.mark.parametrize("limit", [1, 4])
def test_an_unexpected_error_is_raised_unchanged(
    server: Server, stub: ProtocolStub, embed: Embed, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(EmbeddingRun, "_decode", fail)
    server.default = EmbeddingService(stub, delay=0.002)
    with pytest.raises(ZeroDivisionError):
        embed(make_embeddings(server, stub, max_concurrency=limit), NUMBERS)
    assert len(server.requests) <= 2 * limit


# --- usage events ---


def test_a_usage_event_names_the_destination_and_the_tokens(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    recorder, async_recorder = CallbackRecorder(), AsyncCallbackRecorder()
    server.default = EmbeddingService(stub)
    embed(make_embeddings(server, stub, callbacks=[recorder, async_recorder]), ["100", "1"])
    assert recorder.usage_events == [
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
    assert async_recorder.usage_events == recorder.usage_events


def test_each_request_has_one_usage_event(
    server: Server, stub: ProtocolStub, embed_into: EmbedInto, embed: Embed
) -> None:
    server.default = EmbeddingService(stub, delay=0.001)
    recorder, async_recorder = CallbackRecorder(), AsyncCallbackRecorder()
    embeddings = make_embeddings(server, stub, callbacks=[recorder, async_recorder])
    embed(embeddings, NUMBERS[:45])
    assert token_totals(recorder) == [10, 20, 20, 20, 10]
    embed_into(embeddings, iter(NUMBERS[:45]), [])
    assert token_totals(recorder) == [10, 20, 20, 20, 10] * 2
    assert async_recorder.usage_events == recorder.usage_events


def test_the_callbacks_of_the_surrounding_chain_receive_the_usage_under_its_run(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    server.default = EmbeddingService(stub)
    embeddings = make_embeddings(server, stub)
    recorder, other_recorder = CallbackRecorder(), CallbackRecorder()

    async def aquery(text: str) -> list[float]:
        return await embeddings.aembed_query(text)

    found = RunnableLambda(embeddings.embed_query).invoke("1", config={"callbacks": [recorder]})
    assert found == vector_of("1")
    assert runner.run(RunnableLambda(aquery).ainvoke("1", config={"callbacks": [other_recorder]})) == found
    for one in (recorder, other_recorder):
        assert token_totals(one) == [1]
        assert one.usage_run_ids == one.run_ids
        assert len(one.run_ids) == 1


def test_a_response_without_usage_gives_usage_metadata_none(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = lambda _: json_reply({key: embedding_body(stub, [[1.0]]).get(key) for key in ("output", "data")})
    recorder = CallbackRecorder()
    embed(make_embeddings(server, stub, callbacks=[recorder]), ["a"])
    assert [event["usage_metadata"] for event in recorder.usage_events] == [None]


def test_closing_an_iterator_reports_responses_that_were_not_yielded(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = service = EmbeddingService(stub, delay=0.02)
    recorder = CallbackRecorder()
    vectors: Any = make_embeddings(fresh_server, stub, max_concurrency=2, callbacks=[recorder]).lazy_embed_documents(
        iter(NUMBERS)
    )
    next(vectors)
    wait_until(lambda: len(service.answered) > 1)
    vectors.close()
    assert len(recorder.usage_events) == len(service.answered)


def test_a_deep_copy_shares_the_handlers(server: Server, stub: ProtocolStub) -> None:
    class Locked(CallbackRecorder):
        def __init__(self) -> None:
            super().__init__()
            self.lock = threading.Lock()

    recorder = Locked()
    server.default = EmbeddingService(stub)
    copy.deepcopy(make_embeddings(server, stub, callbacks=[recorder])).embed_query("7")
    assert token_totals(recorder) == [1]
