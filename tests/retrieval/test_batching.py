"""Packing of inputs into requests by number, tokens and media; lazy iterators; the progress bar."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_qwen_workspace import (
    ConfigurationError,
    ContextLengthError,
    InvalidRequestError,
    UnsupportedInputError,
    _progress,
    _tokenizer,
)
from langchain_qwen_workspace._retrieval.batching import Batcher, Item, Limits, RequestInputs
from langchain_qwen_workspace.profiles import Profile, profile_of
from tests.support.protocols import DASHSCOPE, ProtocolStub
from tests.support.retrieval import (
    DEFAULT_SIZES,
    Embed,
    EmbedInto,
    embed_reversed,
    make_embeddings,
    texts_in,
    vector_of,
)
from tests.support.server import Received, Reply, Server, json_reply


@pytest.fixture
def no_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> list[int]:
        raise AssertionError(text[:50])

    monkeypatch.setattr(_tokenizer, "token_ids", refuse)


def of_tokens(count: int) -> str:
    """Return a text with `count` tokens and four times as many bytes."""
    return " the" * count


def sizes_of(server: Server) -> list[int]:
    return [len(texts_in(received)) for received in server.requests]


# --- packing ---

items = st.lists(
    st.builds(
        lambda text, images, videos, alone: Item(
            text, text, text, len(text), images=images, videos=videos, needs_own_request=alone
        ),
        # A token has one to three bytes here.
        st.text(alphabet="ab", max_size=24),
        st.integers(0, 2),
        st.integers(0, 1),
        st.booleans(),
    ),
    max_size=40,
)
limits = st.builds(
    Limits,
    rows=st.integers(1, 8),
    tokens=st.none() | st.integers(1, 30),
    images=st.none() | st.integers(1, 5),
    videos=st.none() | st.integers(1, 3),
)


def tokens_of(text: str) -> int:
    return (len(text) + 2) // 3


def fits(batch: list[Item], allowed: Limits) -> bool:
    return (
        len(batch) <= allowed.rows
        and (len(batch) == 1 or not any(item.needs_own_request for item in batch))
        and (allowed.tokens is None or sum(tokens_of(item.text) for item in batch) <= allowed.tokens)
        and (allowed.images is None or sum(item.images for item in batch) <= allowed.images)
        and (allowed.videos is None or sum(item.videos for item in batch) <= allowed.videos)
    )


def whole(batch: RequestInputs, given_items: list[Item]) -> list[Item]:
    return [given_items[place] for place in batch.positions]


@given(given_items=items, allowed=limits)
def test_requests_have_the_inputs_in_order_and_are_as_full_as_the_limits_allow(
    given_items: list[Item], allowed: Limits
) -> None:
    texts = [item.text for item in given_items]
    batches = list(Batcher(allowed, tokens_of).pack(iter(given_items)))
    assert [given for batch in batches for given in batch.inputs] == texts
    assert [place for batch in batches for place in batch.positions] == list(range(len(texts)))
    found = [whole(batch, given_items) for batch in batches]
    # An input that exceeds a limit by itself gets its own request: the service says what is wrong with it.
    assert all(fits(batch, allowed) or len(batch) == 1 for batch in found)
    for earlier, later in pairwise(found):
        assert not fits([*earlier, later[0]], allowed)


@given(given_items=items, allowed=limits)
def test_an_async_source_is_packed_like_a_sync_one(given_items: list[Item], allowed: Limits) -> None:
    async def source() -> AsyncIterator[Item]:
        for item in given_items:
            yield item

    async def collect() -> list[RequestInputs]:
        return [batch async for batch in Batcher(allowed, tokens_of).apack(source())]

    found = asyncio.run(collect())
    assert found == list(Batcher(allowed, tokens_of).pack(iter(given_items)))


def test_the_limits_leave_two_percent_of_the_models_tokens_free() -> None:
    assert Limits.of_model(profile_of("text-embedding-v4"), None) == Limits(rows=10, tokens=8028)
    assert Limits.of_model(profile_of("qwen3.7-text-embedding"), 5) == Limits(rows=5, tokens=125_440)
    assert Limits.of_model(profile_of("text-embedding-v2"), None) == Limits(rows=25, tokens=2007)
    assert Limits.of_model(profile_of("qwen3-vl-embedding"), None) == Limits(rows=20, images=10, videos=1)
    assert Limits.of_model(Profile(), 64) == Limits(rows=64)


# --- tokens ---


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([4000] * 5, [2, 2, 1]),
        ([4014, 4014], [2]),
        ([4014, 4015], [1, 1]),
        ([8192, 1, 8192], [1, 1, 1]),
        ([802] * 10, [10]),
        ([803] * 11, [9, 2]),
        ([1] * 11, [10, 1]),
    ],
)
def test_no_request_exceeds_the_models_token_limit(
    server: Server, stub: ProtocolStub, embed: Embed, counts: list[int], expected: list[int]
) -> None:
    server.default = embed_reversed(stub)
    texts = [of_tokens(count) for count in counts]
    found = embed(make_embeddings(server, stub, model="text-embedding-v4", dimensions=64, max_concurrency=1), texts)
    assert found == [vector_of(text, 64) for text in texts]
    assert sizes_of(server) == expected
    assert [text for received in server.requests for text in texts_in(received)] == texts


@pytest.mark.usefixtures("no_vocabulary")
def test_the_tokens_of_short_texts_are_not_counted(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = embed_reversed(stub)
    # Ten of them are 8,020 bytes, so at most 8,020 tokens.
    embed(make_embeddings(server, stub, model="text-embedding-v4", max_concurrency=1), ["x" * 802] * 20)
    assert sizes_of(server) == [10, 10]


@pytest.mark.usefixtures("no_vocabulary")
def test_no_tokens_are_counted_for_an_unknown_model(server: Server, stub: ProtocolStub) -> None:
    server.default = embed_reversed(stub)
    make_embeddings(server, stub, max_concurrency=1).embed_documents([of_tokens(20_000)] * 11)
    assert sizes_of(server) == [10, 1]


def test_a_text_with_more_bytes_than_the_token_limit_is_accepted_if_its_tokens_fit(
    server: Server, stub: ProtocolStub, embed: Embed
) -> None:
    server.default = embed_reversed(stub)
    text = of_tokens(8192)
    assert len(text.encode()) == 32_768
    assert embed(make_embeddings(server, stub, model="text-embedding-v4"), [text]) == [vector_of(text, 1024)]


@pytest.mark.parametrize(("model", "limit"), [("text-embedding-v4", 8192), ("text-embedding-v2", 2048)])
def test_a_text_with_too_many_tokens_is_refused_before_anything_is_sent(
    server: Server, stub: ProtocolStub, embed: Embed, model: str, limit: int
) -> None:
    with pytest.raises(ContextLengthError, match=rf"Text 30 has {limit + 1} tokens.*at most {limit} ") as caught:
        embed(make_embeddings(server, stub, model=model), [*["x"] * 30, of_tokens(limit + 1), "y"])
    assert caught.value.model == model
    assert server.requests == []


def test_a_lazy_iterator_refuses_a_text_with_too_many_tokens_after_the_vectors_before_it(
    server: Server, stub: ProtocolStub, embed_into: EmbedInto
) -> None:
    server.default = embed_reversed(stub)
    texts = [*[f"{number}" for number in range(13)], of_tokens(8193), "y"]
    found: list[list[float]] = []
    with pytest.raises(ContextLengthError, match="Text 13 has 8193 tokens"):
        embed_into(make_embeddings(server, stub, model="text-embedding-v4", dimensions=64), texts, found)
    assert found == [vector_of(f"{number}", 64) for number in range(13)]
    assert sorted(sizes_of(server)) == [3, 10]


def test_tokens_are_bounded_by_the_bytes_of_the_normalized_text(server: Server, stub: ProtocolStub) -> None:
    server.default = embed_reversed(stub)
    text = "\U0001d160" * 2048  # 8,192 bytes, 12,288 tokens
    assert len(_tokenizer.token_ids(text)) == 12_288
    with pytest.raises(ContextLengthError):
        make_embeddings(server, stub, model="text-embedding-v4").embed_documents([text])


# --- media ---


def media_reply(size: int) -> Callable[[Received], Reply]:
    def reply(received: Received) -> Reply:
        count = len(received.json["input"]["contents"])
        found = [{"index": place, "embedding": [float(place)] * size, "type": "vl"} for place in range(count)]
        return json_reply({"output": {"embeddings": found}, "usage": {}, "request_id": "req-body"})

    return reply


@pytest.mark.parametrize(
    ("model", "size", "kinds", "expected"),
    [
        ("qwen3-vl-embedding", 2560, ["image"] * 12, [10, 2]),
        ("qwen3-vl-embedding", 2560, ["text"] * 25, [20, 5]),
        ("qwen3-vl-embedding", 2560, ["video", "text", "video"], [2, 1]),
        ("qwen2.5-vl-embedding", 1024, ["text", "image"], [1, 1]),
        ("tongyi-embedding-vision-plus-2026-03-06", 1152, ["video"] * 10, [8, 2]),
        ("tongyi-embedding-vision-plus-2026-03-06", 1152, ["image"] * 21, [20, 1]),
        ("tongyi-embedding-vision-flash", 768, ["image"] * 9, [8, 1]),
        ("multimodal-embedding-v1", 1024, ["text", "image", "video"], [1, 1, 1]),
    ],
)
def test_no_request_exceeds_the_models_media_limits(
    server: Server, model: str, size: int, kinds: list[str], expected: list[int]
) -> None:
    server.default = media_reply(size)
    contents = [{kind: "hello" if kind == "text" else f"https://example.com/{kind}"} for kind in kinds]
    make_embeddings(server, DASHSCOPE, model=model, max_concurrency=1).embed_contents(contents)
    assert [len(received.json["input"]["contents"]) for received in server.requests] == expected


# --- lazy iterators ---


def record_pulled(texts: Iterable[str], into: list[str]) -> Iterator[str]:
    for text in texts:
        into.append(text)
        yield text


def test_a_generator_is_read_only_a_few_requests_ahead(
    fresh_server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    fresh_server.default = embed_reversed(stub)
    sync_pulled: list[str] = []
    async_pulled: list[str] = []
    model = make_embeddings(fresh_server, stub, max_concurrency=2)
    vectors: Any = model.lazy_embed_documents(record_pulled((f"{n}" for n in range(10_000)), sync_pulled))
    assert sync_pulled == []
    assert next(vectors) == vector_of("0")
    vectors.close()

    async def first() -> None:
        vectors: Any = model.alazy_embed_documents(record_pulled((f"{n}" for n in range(10_000)), async_pulled))
        assert async_pulled == []
        assert await anext(vectors) == vector_of("0")
        await vectors.aclose()

    runner.run(first())
    # Eight requests, one more that is ready, and the text that did not fit into it.
    assert 11 <= len(sync_pulled) <= 91
    assert 11 <= len(async_pulled) <= 91


def test_a_lazy_iterator_yields_the_vector_of_each_text_in_order(
    server: Server, stub: ProtocolStub, embed_into: EmbedInto
) -> None:
    server.default = embed_reversed(stub)
    found: list[list[float]] = []
    embed_into(make_embeddings(server, stub), (f"{number}" for number in range(333)), found)
    assert found == [vector_of(f"{number}") for number in range(333)]
    assert sorted(sizes_of(server)) == [3, *[10] * 33]


def test_an_empty_generator_sends_no_request(fresh_server: Server, stub: ProtocolStub, embed_into: EmbedInto) -> None:
    found: list[list[float]] = []
    embed_into(make_embeddings(fresh_server, stub), iter(()), found)
    assert (found, fresh_server.connections) == ([], 0)


class _SourceError(Exception):
    """An error that a source of texts raises."""


@pytest.mark.parametrize("good", [0, 4, 10, 25])
def test_an_error_of_the_source_is_raised_after_the_vectors_before_it(
    server: Server, stub: ProtocolStub, embed_into: EmbedInto, good: int
) -> None:
    server.default = embed_reversed(stub)

    def source() -> Iterator[str]:
        yield from (f"{number}" for number in range(good))
        raise _SourceError

    found: list[list[float]] = []
    with pytest.raises(_SourceError):
        embed_into(make_embeddings(server, stub), source(), found)
    assert found == [vector_of(f"{number}") for number in range(good)]


async def test_vectors_are_yielded_while_an_async_source_waits(server: Server, stub: ProtocolStub) -> None:
    server.default = embed_reversed(stub)
    stored = asyncio.Event()

    async def source() -> AsyncIterator[str]:
        for number in range(11):
            yield f"{number}"
        # Like a queue that is filled again when the first vectors are stored.
        await asyncio.wait_for(stored.wait(), 10)
        yield "11"

    found = []
    async for vector in make_embeddings(server, stub).alazy_embed_documents(source()):
        found.append(vector)
        stored.set()
    assert found == [vector_of(f"{number}") for number in range(12)]


def test_a_lazy_iterator_refuses_an_invalid_text_after_the_vectors_before_it(
    server: Server, stub: ProtocolStub, embed_into: EmbedInto
) -> None:
    server.default = embed_reversed(stub)
    texts: list[Any] = ["a", "b", None, "c"]
    found: list[list[float]] = []
    with pytest.raises(UnsupportedInputError, match="Text 2 is None"):
        embed_into(make_embeddings(server, stub), texts, found)
    assert found == [vector_of("a"), vector_of("b")]


def test_embed_documents_accepts_a_generator(server: Server, stub: ProtocolStub, embed: Embed) -> None:
    server.default = embed_reversed(stub)
    assert embed(make_embeddings(server, stub), (text for text in "abc")) == [vector_of(text) for text in "abc"]


# --- the progress bar ---


def test_the_progress_bar_ends_at_the_total(
    server: Server, stub: ProtocolStub, embed: Embed, capsys: pytest.CaptureFixture[str]
) -> None:
    server.default = embed_reversed(stub)
    embed(make_embeddings(server, stub, show_progress_bar=True), [f"{number}" for number in range(25)])
    written = capsys.readouterr()
    assert written.out == ""
    last = written.err.split("\r")[-1]
    assert last.startswith("text-embedding-v9: 100%|")
    assert "| 25/25 [" in last
    assert last.endswith("\n")


def test_the_progress_bar_of_a_lazy_iterator_has_no_total(
    server: Server, stub: ProtocolStub, embed_into: EmbedInto, capsys: pytest.CaptureFixture[str]
) -> None:
    server.default = embed_reversed(stub)
    embed_into(make_embeddings(server, stub, show_progress_bar=True), (f"{n}" for n in range(25)), [])
    last = capsys.readouterr().err.split("\r")[-1]
    assert last.startswith("text-embedding-v9: 25 inputs [")
    assert "%" not in last


def test_the_progress_bar_stops_at_a_failure(
    server: Server, stub: ProtocolStub, embed: Embed, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script(embed_reversed(stub)(Received("", {}, b'{"model": "m", "input": ["a", "b"]}', 0, 0.0)))
    server.default = lambda _: stub.error(400, "InvalidParameter", "No.")
    model = make_embeddings(server, stub, chunk_size=2, max_concurrency=1, show_progress_bar=True)
    with pytest.raises(InvalidRequestError):
        embed(model, ["a", "b", "c"])
    assert "| 2/3 [" in capsys.readouterr().err


def test_no_progress_bar_is_shown_by_default(
    server: Server, stub: ProtocolStub, embed: Embed, capsys: pytest.CaptureFixture[str]
) -> None:
    server.default = embed_reversed(stub)
    embed(make_embeddings(server, stub), ["a"])
    assert capsys.readouterr() == ("", "")


def test_a_progress_bar_without_tqdm_is_refused_with_the_name_of_the_extra(
    server: Server, stub: ProtocolStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        return None if name == "tqdm" else find_spec(name)

    monkeypatch.setattr(_progress, "find_spec", missing)
    make_embeddings(server, stub)
    with pytest.raises(ValueError, match=r"pip install 'langchain-qwen-workspace\[progress\]") as caught:
        make_embeddings(server, stub, show_progress_bar=True)
    (error,) = caught.value.errors()  # type: ignore[attr-defined]  # pydantic's own error
    assert isinstance(error["ctx"]["error"], ConfigurationError)


def test_the_default_sizes_of_the_scripted_service_are_those_of_the_profiles() -> None:
    assert {model: profile_of(model).default_dimension for model in DEFAULT_SIZES} == DEFAULT_SIZES
