"""Embeddings and rerank components against a scripted server, and the replies that it gives them."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from langchain_core.documents import Document

from langchain_qwen_workspace import QwenWorkspaceEmbeddings, QwenWorkspaceRerank
from langchain_qwen_workspace._seam import Json
from tests.support.callbacks import CallbackRecorder
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub
from tests.support.server import Received, Reply, Server, json_reply

Vectors: TypeAlias = list[list[float]]
Embed: TypeAlias = Callable[[QwenWorkspaceEmbeddings, Iterable[str]], Vectors]
EmbedInto: TypeAlias = Callable[[QwenWorkspaceEmbeddings, Iterable[str], Vectors], None]
EmbedQuery: TypeAlias = Callable[[QwenWorkspaceEmbeddings, str], list[float]]
Rank: TypeAlias = Callable[..., list[Any]]

_FIELDS: Json = {"api_key": "sk-test", "workspace_id": "ws-test", "timeout": 60.0, "max_retries": 0}

# --- embeddings ---

UNKNOWN_MODEL = "text-embedding-v9"
"""A model without a profile, whose vectors may be short."""

DEFAULT_SIZES = {
    "text-embedding-v4": 1024,
    "text-embedding-v3": 1024,
    "text-embedding-v2": 1536,
    "text-embedding-v1": 1536,
    "qwen3.7-text-embedding": 1024,
    "qwen3.7-text-embedding-flash": 1024,
}
"""Components of a vector for which no size was requested (docs, 2026-08)."""

NUMBERS = [str(number) for number in range(200)]
"""Texts for 20 requests of 10; the first text of a request tells its number."""


def vector_of(text: str, size: int = 3) -> list[float]:
    """Return a vector that no other short text has."""
    return [float(len(text)), float(int.from_bytes(text.encode()[-6:], "big")), *[0.5] * (size - 2)]


def texts_in(received: Received) -> list[str]:
    """Return the texts of a request for embeddings."""
    given = received.json["input"]
    texts: list[str] = given["texts"] if isinstance(given, dict) else given
    return texts


def embedding_body(stub: ProtocolStub, vectors: list[Any], *, positions: list[Any] | None = None) -> Json:
    """Return a response with these vectors, at these positions."""
    index = "text_index" if stub.is_dashscope else "index"
    rows = [
        {index: position, "embedding": vector}
        for position, vector in zip(positions or range(len(vectors)), vectors, strict=True)
    ]
    if stub.is_dashscope:
        return {"output": {"embeddings": rows}, "usage": {"total_tokens": 3}, "request_id": "req-body"}
    return {"object": "list", "data": rows, "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}}


def embed_reversed(stub: ProtocolStub) -> Callable[[Received], Reply]:
    """Return a responder that embeds the texts of a request and lists the last one first."""

    def respond(received: Received) -> Reply:
        texts, body = texts_in(received), received.json
        requested: int | None = body.get("dimensions") or body.get("parameters", {}).get("dimension")
        size = requested or DEFAULT_SIZES.get(body["model"], 3)
        vectors = [vector_of(text, size) for text in reversed(texts)]
        return json_reply(embedding_body(stub, vectors, positions=list(reversed(range(len(texts))))))

    return respond


def counted_body(stub: ProtocolStub, texts: list[str]) -> Json:
    """Return a response with the vectors of texts, and one token for each of their letters."""
    body = embedding_body(stub, [vector_of(text) for text in texts])
    body["usage"] = {"total_tokens": sum(map(len, texts))}
    return body


def tokens_of_request(number: int) -> int:
    """Return the tokens that `counted_body` counts for a request of `NUMBERS`."""
    return sum(map(len, NUMBERS[number * 10 : number * 10 + 10]))


class EmbeddingService:
    """Responds to requests of `NUMBERS` with `counted_body`, and fails the requests that it is told to.

    Attributes:
        answered: The numbers of the requests that were answered.
        failed: The numbers of the requests that failed.
    """

    def __init__(
        self,
        stub: ProtocolStub,
        fails: Callable[[int], bool] = lambda _: False,
        error: tuple[int, str] = (500, "InternalError"),
        *,
        once: bool = False,
        delay: float = 0.0,
    ) -> None:
        """Take whether a request fails, by its number, with which error, and whether only the first time."""
        self.answered: list[int] = []
        self.failed: list[int] = []
        self._stub = stub
        self._fails = fails
        self._error = error
        self._once = once
        self._delay = delay
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Reply:
        texts = texts_in(received)
        number = int(texts[0]) // 10
        with self._lock:
            fails = self._fails(number) and not (self._once and number in self.failed)
            (self.failed if fails else self.answered).append(number)
        if fails:
            return self._stub.error(*self._error, "No.")
        time.sleep(self._delay)
        return json_reply(counted_body(self._stub, texts))


def token_totals(recorder: CallbackRecorder) -> list[int]:
    """Return the total tokens of each usage event of a request that was answered."""
    return [event["usage_metadata"]["total_tokens"] for event in recorder.usage_events if "failed" not in event]


def make_embeddings(server: Server, stub: ProtocolStub, **fields: Any) -> QwenWorkspaceEmbeddings:
    known = {"model": UNKNOWN_MODEL, "protocol": stub.protocol, "base_url": server.url, "region": "singapore"}
    return QwenWorkspaceEmbeddings(**{**known, **_FIELDS, **fields})


# --- rerank ---

IMAGE = {"type": "image", "url": "https://e.com/lake.png"}
VIDEO = {"type": "video", "url": "https://e.com/lake.mp4"}
TEXTS = ["The Bund is in Shanghai.", "The West Lake is in Hangzhou.", "Tea grows near the West Lake."]
DOCUMENTS = [Document(text) for text in TEXTS]
QUERY = "Where is the West Lake?"


def ranking_reply(stub: ProtocolStub, *places: tuple[int, float]) -> Reply:
    """Return a response with these positions and scores."""
    results = [{"index": index, "relevance_score": score} for index, score in places]
    usage = {"total_tokens": 34}
    if stub.is_dashscope:
        return json_reply({"output": {"results": results}, "usage": usage, "request_id": "req-body"})
    return json_reply({"object": "list", "results": results, "model": "m", "id": "r", "usage": usage})


def rank_last_first(received: Received) -> Reply:
    """Rank the last document first, as many as requested, and list the results in the wrong order."""
    body, stub = received.json, DASHSCOPE if received.path.startswith("/api/v1") else OPENAI
    count = len(body["input"]["documents"] if stub.is_dashscope else body["documents"])
    top_n = stub.parameters(body).get("top_n", count)
    best = sorted(range(count), reverse=True)[:top_n]
    return ranking_reply(stub, *((position, position / 1000) for position in reversed(best)))


def make_reranker(server: Server | str, stub: ProtocolStub, **fields: Any) -> QwenWorkspaceRerank:
    base_url = server if isinstance(server, str) else server.url
    known = {"model": "qwen3-rerank", "protocol": stub.protocol, "base_url": base_url, "region": "singapore"}
    return QwenWorkspaceRerank(**{**known, **_FIELDS, **fields})
