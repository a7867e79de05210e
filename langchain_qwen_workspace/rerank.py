"""`QwenWorkspaceRerank`: LangChain's face of a rerank model."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypedDict

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import Field, model_validator

from langchain_qwen_workspace._fields.retrieval import RetrievalFields
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._retrieval.batching import Item
from langchain_qwen_workspace._retrieval.inputs import check_several, check_tokens, kind_of, text_of, tokens_in
from langchain_qwen_workspace._seam import Json, RerankCall, RerankResponse
from langchain_qwen_workspace._usage.events import USAGE_EVENT, amanager_for, failure_event, manager_for, usage_event
from langchain_qwen_workspace._wire._retrieval_content import read_contents
from langchain_qwen_workspace.data._row import Kind
from langchain_qwen_workspace.errors import ConfigurationError, ContextLengthError, UnsupportedInputError


class RankedDocument(TypedDict):
    """The place of a document in a ranking."""

    index: int
    """Its position among the documents that were given."""

    relevance_score: float
    """How relevant it is, from 0 to 1, to be compared within one ranking only."""


class QwenWorkspaceRerank(RetrievalFields, BaseDocumentCompressor):
    """Rerank models of Model Studio, called as a workspace: the documents that answer a query, the best first.

    All documents go into one request, since scores are comparable only within one; more than the model takes are
    refused before anything is sent.

    Example:
        ```python
        from langchain_classic.retrievers import ContextualCompressionRetriever
        from langchain_qwen_workspace import QwenWorkspaceRerank

        reranker = QwenWorkspaceRerank(model="qwen3-rerank", top_n=3, region="singapore")
        best = reranker.compress_documents(documents, "Where is the West Lake?")
        best[0].metadata["relevance_score"]
        retriever = ContextualCompressionRetriever(base_compressor=reranker, base_retriever=store.as_retriever())
        ```
    """

    _kind: ClassVar[Kind] = "rerank"

    top_n: int | None = Field(default=None, ge=1, strict=True)
    """How many documents are returned. Default: all, in their new order."""

    @model_validator(mode="after")
    def _says_each_once(self) -> "QwenWorkspaceRerank":
        if twice := sorted({"model", "query", "documents", "top_n", "instruct"} & self.model_kwargs.keys()):
            raise ConfigurationError(f"`model_kwargs` has {twice}, which have a place of their own: pass them there.")
        return self

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Return the documents that answer a query best, as copies with `relevance_score` in their metadata.

        Args:
            documents: The documents; none gives `[]` without a call.
            query: What is searched for.
            callbacks: Handlers that are told of the usage, beside the component's own.

        Raises:
            UnsupportedInputError: A document or the query is no text or empty, or there are too many; nothing was sent.
            ContextLengthError: They have more tokens than the model takes; nothing was sent.
            QwenWorkspaceError: The request failed.
        """
        documents = _documents(documents)
        return _copies(documents, self._rank(documents, query, None, callbacks))

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Return the documents that answer a query best, like `compress_documents`."""
        documents = _documents(documents)
        return _copies(documents, await self._arank(documents, query, None, callbacks))

    def rerank(
        self,
        documents: Sequence[str | Document | Mapping[str, Any]],
        query: str | Mapping[str, Any],
        *,
        top_n: int | None = None,
    ) -> list[RankedDocument]:
        """Return the ranking itself: positions and scores, the most relevant first.

        Args:
            documents: Texts or documents; for a multimodal model on the native protocol also content blocks in
                LangChain's words (`{"type": "image", "url": "https://…"}`).
            query: What is searched for: a text, or for a multimodal model a content block.
            top_n: How many are wanted. Default: the field's.

        Raises:
            UnsupportedInputError: A document or the query cannot be ranked, or there are too many; nothing was sent.
            ContextLengthError: They have more tokens than the model takes; nothing was sent.
            QwenWorkspaceError: The request failed.
        """
        return _ranked(self._rank(documents, query, top_n, None))

    async def arerank(
        self,
        documents: Sequence[str | Document | Mapping[str, Any]],
        query: str | Mapping[str, Any],
        *,
        top_n: int | None = None,
    ) -> list[RankedDocument]:
        """Return the ranking itself, like `rerank`."""
        return _ranked(await self._arank(documents, query, top_n, None))

    def _rank(
        self, documents: Sequence[Any], query: Any, top_n: int | None, callbacks: Callbacks
    ) -> list[tuple[int, float]]:
        if (call := self._call(documents, query, top_n)) is None:
            return []
        wire = PROTOCOLS[self.protocol].rerank
        transport = self._transport(self._workspaces_for(self.model), "rerank")
        request, manager = wire.encode(call), manager_for(self.callbacks, callbacks)
        try:
            answer = wire.decode(transport.send(request), call)
        except BaseException as error:
            failed = failure_event("rerank", call.model, call.destination, error)
            manager.on_custom_event(USAGE_EVENT, failed, manager.parent_run_id)
            raise
        manager.on_custom_event(USAGE_EVENT, _event(call, answer), manager.parent_run_id)
        return answer.ranking

    async def _arank(
        self, documents: Sequence[Any], query: Any, top_n: int | None, callbacks: Callbacks
    ) -> list[tuple[int, float]]:
        if (call := self._call(documents, query, top_n)) is None:
            return []
        wire = PROTOCOLS[self.protocol].rerank
        transport = self._transport(self._workspaces_for(self.model), "rerank")
        request, manager = wire.encode(call), amanager_for(self.callbacks, callbacks)
        try:
            answer = wire.decode(await transport.asend(request), call)
        except BaseException as error:
            failed = failure_event("rerank", call.model, call.destination, error)
            await manager.on_custom_event(USAGE_EVENT, failed, manager.parent_run_id)
            raise
        await manager.on_custom_event(USAGE_EVENT, _event(call, answer), manager.parent_run_id)
        return answer.ranking

    def _call(self, documents: Sequence[Any], query: Any, top_n: int | None) -> RerankCall | None:
        """Return the call, or `None` if there is nothing to rank."""
        check_several(documents, "documents")
        if top_n is not None and (type(top_n) is not int or top_n < 1):
            raise ConfigurationError(f"`top_n` is {top_n!r}. Expected a whole number from 1 on.")
        asked = self._item(query, "The query")
        if asked.videos:
            raise UnsupportedInputError("The query is a video. Expected a text or an image.", model=self.model)
        items = [self._item(document, f"Document {place}") for place, document in enumerate(documents)]
        if not items:
            return None
        self._check_amount(items)
        self._check_tokens(asked, items)
        return RerankCall(
            model=self.model,
            query=_written(asked),
            documents=[_written(item) for item in items],
            top_n=top_n or self.top_n,
            instruct=self.instruct,
            parameters=self.model_kwargs,
            destination=self._origin(),
        )

    def _item(self, given: Any, where: str) -> Item:
        given = given.page_content if isinstance(given, Document) else given
        if not isinstance(given, Mapping):
            return text_of(given, where)
        (part,) = read_contents(given, where, self._profile())
        if "text" in part:
            return text_of(part["text"], where)
        if not part.keys() & {"image", "video"}:
            raise UnsupportedInputError(f"{where} is {sorted(part)}. Expected one text, one image or one video.")
        return Item(given, (part,), "", 0, images="image" in part, videos="video" in part)

    def _check_amount(self, items: Sequence[Item]) -> None:
        profile = self._profile()
        for what, count, limit in (
            ("documents", len(items), profile.max_documents),
            ("images", sum(item.images for item in items), profile.max_images),
            ("videos", sum(item.videos for item in items), profile.max_videos),
        ):
            if limit is not None and count > limit:
                raise UnsupportedInputError(
                    f"There are {count} {what}, and {self.model!r} ranks at most {limit} in one request. Scores of two "
                    "requests cannot be compared, so it is not split: retrieve fewer.",
                    model=self.model,
                )

    def _check_tokens(self, query: Item, documents: Sequence[Item]) -> None:
        profile = self._profile()
        if not profile.qwen_vocabulary:
            return
        for place, item in enumerate([query, *documents]):
            where = f"Document {place - 1}" if place else "The query"
            check_tokens(item, where, profile.max_item_tokens, self.model)
        limit = profile.max_request_tokens
        # The query counts once for every document (Model Studio docs, text rerank, 2026-07-01).
        together = query.tokens * len(documents) + sum(item.tokens for item in documents)
        if limit is None or together <= limit:
            return
        together = query.count(tokens_in) * len(documents) + sum(item.count(tokens_in) for item in documents)
        if together > limit:
            raise ContextLengthError(
                f"The {len(documents)} documents, and the query once for each, have {together} tokens; {self.model!r} "
                f"takes at most {limit} in one request. Retrieve fewer or shorter ones.",
                model=self.model,
            )


def _documents(documents: Sequence[Document]) -> list[Document]:
    """Return documents as a list, after each was looked at: the answer is paid for when they are needed."""
    check_several(documents, "documents")
    listed = list(documents)
    for place, document in enumerate(listed):
        if not isinstance(document, Document):
            raise UnsupportedInputError(
                f"Document {place} is {kind_of(document)}. Expected a `Document`; `rerank` takes texts."
            )
    return listed


def _written(item: Item) -> str | Json:
    return item.input if isinstance(item.input, str) else item.input[0]


def _event(call: RerankCall, answer: RerankResponse) -> Mapping[str, Any]:
    return usage_event("rerank", call.model, answer.destination, answer.usage, answer.request_id)


def _ranked(ranking: Sequence[tuple[int, float]]) -> list[RankedDocument]:
    return [RankedDocument(index=place, relevance_score=score) for place, score in ranking]


def _copies(documents: Sequence[Document], ranking: Sequence[tuple[int, float]]) -> list[Document]:
    return [
        documents[place].model_copy(update={"metadata": {**documents[place].metadata, "relevance_score": score}})
        for place, score in ranking
    ]
