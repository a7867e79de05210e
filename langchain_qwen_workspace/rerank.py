"""Provides `QwenWorkspaceRerank`, LangChain's interface to Model Studio's rerank models."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import Field, model_validator

from langchain_qwen_workspace._fields.retrieval import RetrievalFields
from langchain_qwen_workspace._protocols import rerank_wire
from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._retrieval.batching import Item
from langchain_qwen_workspace._retrieval.inputs import (
    check_is_collection,
    check_tokens,
    count_tokens,
    describe_input,
    read_text,
)
from langchain_qwen_workspace._seam import Json, RerankCall, RerankResponse
from langchain_qwen_workspace._usage.events import USAGE_EVENT, amanager_for, failure_event, manager_for, usage_event
from langchain_qwen_workspace._wire._retrieval_content import read_contents
from langchain_qwen_workspace._workspace.endpoints import Service
from langchain_qwen_workspace.data._row import Kind
from langchain_qwen_workspace.errors import ConfigurationError, ContextLengthError, UnsupportedInputError

if TYPE_CHECKING:
    from langchain_qwen_workspace._fields.init_types import RerankArguments


class RankedDocument(TypedDict):
    """A document's position and score in a ranking."""

    index: int
    """The document's position among the documents that were passed."""

    relevance_score: float
    """The document's relevance, from 0 to 1; comparable only within one ranking."""


class QwenWorkspaceRerank(RetrievalFields, BaseDocumentCompressor):
    """Rerank models of Model Studio, called with a workspace's API key; they sort documents by relevance to a query.

    All documents go into one request, since scores are comparable only within one. More documents than the model takes
    are refused before anything is sent. The protocols are `"openai"` (default) and `"dashscope"`; only `"dashscope"`
    ranks images and videos, and `"responses"` has no reranking.

    Example:
        ```python
        from langchain_classic.retrievers import ContextualCompressionRetriever
        from langchain_qwen_workspace import QwenWorkspaceRerank

        reranker = QwenWorkspaceRerank(model="qwen3-rerank", top_n=3, region="singapore")
        best = reranker.compress_documents(documents, "Where is the West Lake?")
        best[0].metadata["relevance_score"]
        retriever = ContextualCompressionRetriever(
            base_compressor=reranker,
            base_retriever=store.as_retriever(),
        )
        ```
    """

    _kind: ClassVar[Kind] = "rerank"
    _set_by_the_call: ClassVar[frozenset[str]] = frozenset(
        {"model", "input", "parameters", "query", "documents", "top_n", "instruct"}
    )

    _service: ClassVar[Service] = "rerank"

    top_n: int | None = Field(default=None, ge=1, strict=True)
    """Number of documents to return. Default: all, in their new order."""

    if TYPE_CHECKING:  # What may be given, which is more than the fields hold.

        def __init__(self, *, model: str, **arguments: Unpack[RerankArguments]) -> None: ...

    @model_validator(mode="after")
    def _check_protocol(self) -> "QwenWorkspaceRerank":
        rerank_wire(self.protocol)
        return self

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Return the most relevant documents first, as copies with `relevance_score` in their metadata.

        Args:
            documents: The documents; an empty list gives `[]` without a request.
            query: The search query.
            callbacks: Handlers that receive the usage, besides the component's own.

        Raises:
            UnsupportedInputError: A document is not a `Document`, a document or the query has no text, or there are
                too many documents; nothing was sent.
            ContextLengthError: They have more tokens than the model takes; nothing was sent.
            QwenWorkspaceError: The request failed, and so did its retries.
        """
        documents = _check_documents(documents)
        return _copy_with_scores(documents, self._rank(documents, query, None, callbacks))

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Return the most relevant documents first, like `compress_documents`."""
        documents = _check_documents(documents)
        return _copy_with_scores(documents, await self._arank(documents, query, None, callbacks))

    def rerank(
        self,
        documents: Sequence[str | Document | Mapping[str, Any]],
        query: str | Mapping[str, Any],
        *,
        top_n: int | None = None,
    ) -> list[RankedDocument]:
        """Return the ranking itself: positions and scores, the most relevant document first.

        Args:
            documents: Texts or `Document`s; for a multimodal model with `protocol="dashscope"` also LangChain content
                blocks (`{"type": "image", "url": "https://…"}`).
            query: The search query: a text, or for a multimodal model a content block.
            top_n: Number of documents to return. Default: the field `top_n`.

        Raises:
            ConfigurationError: `top_n` is not a positive integer; nothing was sent.
            UnsupportedInputError: A document or the query cannot be ranked, or there are too many documents; nothing
                was sent.
            ContextLengthError: They have more tokens than the model takes; nothing was sent.
            QwenWorkspaceError: The request failed, and so did its retries.
        """
        return _to_ranked_documents(self._rank(documents, query, top_n, None))

    async def arerank(
        self,
        documents: Sequence[str | Document | Mapping[str, Any]],
        query: str | Mapping[str, Any],
        *,
        top_n: int | None = None,
    ) -> list[RankedDocument]:
        """Return the ranking itself, like `rerank`."""
        return _to_ranked_documents(await self._arank(documents, query, top_n, None))

    def _rank(
        self, documents: Sequence[Any], query: Any, top_n: int | None, callbacks: Callbacks
    ) -> list[tuple[int, float]]:
        if (call := self._rerank_call(documents, query, top_n)) is None:
            return []
        wire = rerank_wire(self.protocol)
        transport = self._transport(self._workspaces_for(self.model), "rerank")
        request, manager = wire.encode(call), manager_for(self.callbacks, callbacks)
        try:
            response = wire.decode(transport.send(request), call)
        except BaseException as error:
            event = failure_event("rerank", call.model, call.destination, error)
            manager.on_custom_event(USAGE_EVENT, event, manager.parent_run_id)
            raise
        manager.on_custom_event(USAGE_EVENT, _usage_event(call, response), manager.parent_run_id)
        return response.ranking

    async def _arank(
        self, documents: Sequence[Any], query: Any, top_n: int | None, callbacks: Callbacks
    ) -> list[tuple[int, float]]:
        if (call := self._rerank_call(documents, query, top_n)) is None:
            return []
        wire = rerank_wire(self.protocol)
        transport = self._transport(self._workspaces_for(self.model), "rerank")
        request, manager = wire.encode(call), amanager_for(self.callbacks, callbacks)
        try:
            response = wire.decode(await transport.asend(request), call)
        except BaseException as error:
            event = failure_event("rerank", call.model, call.destination, error)
            await manager.on_custom_event(USAGE_EVENT, event, manager.parent_run_id)
            raise
        await manager.on_custom_event(USAGE_EVENT, _usage_event(call, response), manager.parent_run_id)
        return response.ranking

    def _rerank_call(self, documents: Sequence[Any], query: Any, top_n: int | None) -> RerankCall | None:
        """Return the call, or `None` if there is nothing to rank."""
        check_is_collection(documents, "documents")
        if top_n is not None and (type(top_n) is not int or top_n < 1):
            raise ConfigurationError(f"`top_n` is {top_n!r}. Expected a positive integer.")
        query_item = self._item(query, "The query")
        if query_item.videos:
            raise UnsupportedInputError("The query is a video. Expected a text or an image.", model=self.model)
        items = [self._item(document, f"Document {position}") for position, document in enumerate(documents)]
        if not items:
            return None
        self._check_counts(items)
        self._check_tokens(query_item, items)
        return RerankCall(
            model=self.model,
            query=_content(query_item),
            documents=[_content(item) for item in items],
            top_n=top_n or self.top_n,
            instruct=self.instruct,
            parameters=self._parameters(),
            destination=self._destination(),
        )

    def _item(self, given: Any, where: str) -> Item:
        given = given.page_content if isinstance(given, Document) else given
        if not isinstance(given, Mapping):
            return read_text(given, where)
        (part,) = read_contents(given, where, self._profile())
        if "text" in part:
            return read_text(part["text"], where)
        if not part.keys() & {"image", "video"}:
            raise UnsupportedInputError(
                f"{where} has {', '.join(sorted(part))}. Expected one text, one image or one video."
            )
        return Item(given, (part,), "", 0, images="image" in part, videos="video" in part)

    def _check_counts(self, items: Sequence[Item]) -> None:
        profile = self._profile()
        for what, count, limit in (
            ("documents", len(items), profile.max_documents),
            ("images", sum(item.images for item in items), profile.max_images),
            ("videos", sum(item.videos for item in items), profile.max_videos),
        ):
            if limit is not None and count > limit:
                refuse_or_warn(
                    f"There are {count} {what}, but {self.model!r} ranks at most {limit} in one request, and scores of "
                    "different requests cannot be compared. Retrieve fewer.",
                    profile,
                    model=self.model,
                )

    def _check_tokens(self, query: Item, documents: Sequence[Item]) -> None:
        profile = self._profile()
        if not profile.qwen_vocabulary:
            return
        check_tokens(query, "The query", profile.max_item_tokens, profile, self.model)
        for position, item in enumerate(documents):
            check_tokens(item, f"Document {position}", profile.max_item_tokens, profile, self.model)
        limit = profile.max_request_tokens
        # The query counts once for each document (Model Studio docs, text rerank, 2026-07-01).
        together = query.tokens * len(documents) + sum(item.tokens for item in documents)
        if limit is None or together <= limit:
            return
        together = query.count(count_tokens) * len(documents) + sum(item.count(count_tokens) for item in documents)
        if together > limit:
            refuse_or_warn(
                f"The {len(documents)} documents, and the query once for each, have {together} tokens, but "
                f"{self.model!r} takes at most {limit} in one request. Retrieve fewer or shorter documents.",
                profile,
                model=self.model,
                error_class=ContextLengthError,
            )


def _check_documents(documents: Sequence[Document]) -> list[Document]:
    """Return documents as a list after checking each, since a wrong one would else be found after the paid request."""
    check_is_collection(documents, "documents")
    checked = list(documents)
    for position, document in enumerate(checked):
        if not isinstance(document, Document):
            raise UnsupportedInputError(
                f"Document {position} is {describe_input(document)}. Expected a `Document`; for texts, call `rerank`."
            )
    return checked


def _content(item: Item) -> str | Json:
    """Return an input as it is sent: a text, or its one content object."""
    return item.input if isinstance(item.input, str) else item.input[0]


def _usage_event(call: RerankCall, response: RerankResponse) -> Mapping[str, Any]:
    return usage_event("rerank", call.model, response.destination, response.usage, response.request_id)


def _to_ranked_documents(ranking: Sequence[tuple[int, float]]) -> list[RankedDocument]:
    return [RankedDocument(index=position, relevance_score=score) for position, score in ranking]


def _copy_with_scores(documents: Sequence[Document], ranking: Sequence[tuple[int, float]]) -> list[Document]:
    return [
        documents[position].model_copy(update={"metadata": {**documents[position].metadata, "relevance_score": score}})
        for position, score in ranking
    ]
