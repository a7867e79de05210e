"""Provides `QwenWorkspaceEmbeddings`, LangChain's interface to Model Studio's embedding models."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, Unpack

from langchain_core.embeddings import Embeddings
from pydantic import Field, model_validator

from langchain_qwen_workspace._fields.retrieval import RetrievalFields
from langchain_qwen_workspace._progress import check_can_show
from langchain_qwen_workspace._protocols import embedding_wire
from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._retrieval.batching import Item, Limits
from langchain_qwen_workspace._retrieval.embedding_call import EmbeddingRun
from langchain_qwen_workspace._retrieval.inputs import atext_items, content_items, text_items
from langchain_qwen_workspace._seam import EmbeddingCall, EmbeddingResponse, SparseVector, TextType, VectorKind
from langchain_qwen_workspace.data._row import Kind
from langchain_qwen_workspace.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_qwen_workspace._fields.init_types import EmbeddingsArguments

Vector = TypeVar("Vector")


class HybridVector(NamedTuple):
    """The dense and the sparse vector of one text, for hybrid search."""

    dense: list[float]
    """The dense vector."""

    sparse: SparseVector
    """The sparse vector."""


class QwenWorkspaceEmbeddings(RetrievalFields, Embeddings):
    """Embedding models of Model Studio, called with a workspace's API key.

    Inputs are packed into requests within the model's limits. Several requests run concurrently, and vectors are
    returned in the order of the inputs. A request that fails is retried on its own (`max_retries`). If it still fails,
    the error's `partial` has the vectors that were made and the inputs without one.

    Example:
        ```python
        from langchain_qwen_workspace import QwenWorkspaceEmbeddings

        embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=1024, region="singapore")
        vectors = embeddings.embed_documents(["The West Lake is in Hangzhou.", "The Bund is in Shanghai."])
        query = embeddings.embed_query("Where is the West Lake?")
        ```

    The protocols are `"openai"` (default) and `"dashscope"`; `"responses"` has no embeddings. `protocol="dashscope"`
    tells the model whether a text is a query or a document (`text_type`). `protocol="openai"` has no such parameter, so
    its query vectors are document vectors: do not mix vectors of the two. Only `protocol="dashscope"` supports
    `instruct`, sparse vectors, and embeddings of images and videos.
    """

    _kind: ClassVar[Kind] = "embedding"
    _set_by_the_call: ClassVar[frozenset[str]] = frozenset(
        {
            *("model", "input", "parameters", "texts", "contents", "encoding_format"),
            *("dimensions", "dimension", "text_type", "output_type"),
        }
    )

    dimensions: int | None = Field(default=None, ge=1)
    """Number of components of a dense vector, one of the sizes that the model supports. Default: the model's own."""

    text_type: TextType | None = None
    """The type of every text, `"query"` or `"document"`, whichever method embeds it. Default: the method's.

    `"document"` for queries too gives equal texts equal vectors, as clustering needs. Only `protocol="dashscope"`
    supports it.
    """

    chunk_size: int | None = Field(default=None, ge=1)
    """Maximum number of inputs per request, up to the model's limit. Default: that limit; 10 for an unknown model.

    A request has fewer inputs if they would exceed its token limit; tokens are counted offline in Qwen's vocabulary.
    """

    max_concurrency: int = Field(default=8, ge=1)
    """Maximum number of concurrent requests in each call of a method. Default: 8."""

    show_progress_bar: bool = False
    """Whether to show a `tqdm` progress bar for each call; needs the extra `progress`. Default: no."""

    if TYPE_CHECKING:  # What may be given, which is more than the fields hold.

        def __init__(self, *, model: str, **arguments: Unpack[EmbeddingsArguments]) -> None: ...

    @model_validator(mode="after")
    def _check_model_limits(self) -> "QwenWorkspaceEmbeddings":
        profile = self._profile()
        sizes = profile.dimensions
        if self.dimensions is not None and sizes and self.dimensions not in sizes:
            self._refuse(
                f"`dimensions` is {self.dimensions}, which {self.model!r} does not support. Expected one of "
                f"{', '.join(map(str, sizes))}."
            )
        if self.chunk_size is not None and profile.known and self.chunk_size > profile.max_rows:
            self._refuse(
                f"`chunk_size` is {self.chunk_size}, but {self.model!r} takes at most {profile.max_rows} inputs "
                "per request. Expected at most that many."
            )
        if self.show_progress_bar:
            check_can_show()
        return self

    @model_validator(mode="after")
    def _check_text_type(self) -> "QwenWorkspaceEmbeddings":
        supports_text_type = embedding_wire(self.protocol).supports_text_type
        given = [name for name in ("instruct", "text_type") if getattr(self, name) is not None]
        if given and not supports_text_type:
            raise ConfigurationError(
                f'`{given[0]}` is supported for embeddings only with `protocol="dashscope"`; use that protocol, or '
                f"leave `{given[0]}` out."
            )
        if self.text_type is not None and self._profile().native_endpoint == "multimodal":
            self._refuse(
                f"`text_type` is not supported by {self.model!r}, which embeds queries and documents alike; leave it "
                "out."
            )
        return self

    def embed_documents(self, texts: Iterable[str]) -> list[list[float]]:
        """Return one vector per text, in order.

        Args:
            texts: The documents that will be searched. All are checked before anything is sent.

        Raises:
            UnsupportedInputError: A text is not a string or is empty; nothing was sent.
            ContextLengthError: A text has more tokens than the model takes; nothing was sent.
            QwenWorkspaceError: A request failed, and so did its retries. The error's `partial` has the vectors that
                were made and the texts without one.
        """
        return self._run(_dense, "document").embed_all(self._text_items(texts))

    async def aembed_documents(self, texts: Iterable[str]) -> list[list[float]]:
        """Return one vector per text, in order, like `embed_documents`."""
        return await self._run(_dense, "document").aembed_all(self._text_items(texts))

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a search query. Errors are those of `embed_documents`."""
        return self._run(_dense, "query").embed_all(self._text_items([text]))[0]

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of a search query, like `embed_query`."""
        return (await self._run(_dense, "query").aembed_all(self._text_items([text])))[0]

    def lazy_embed_documents(self, texts: Iterable[str]) -> Iterator[list[float]]:
        """Yield one vector per text, in order, while texts are read, for a corpus too large for a list.

        Texts are read a few requests ahead of the vectors that were yielded, so memory does not grow with the corpus.
        If the iterator is closed early, as by a `break` in the loop, it waits for the running requests.

        Args:
            texts: The documents that will be searched, such as a generator of them.

        Raises:
            UnsupportedInputError: A text is not a string or is empty; raised after the vectors before it.
            ContextLengthError: A text has more tokens than the model takes; raised after the vectors before it.
            QwenWorkspaceError: A request failed, and so did its retries; raised after the vectors before it. The
                error's `partial` has what was read from `texts` since.
        """
        profile = self._profile()
        return self._run(_dense, "document").iter_vectors(text_items(texts, profile, self.model))

    def alazy_embed_documents(self, texts: Iterable[str] | AsyncIterable[str]) -> AsyncIterator[list[float]]:
        """Yield one vector per text, in order, like `lazy_embed_documents`; `texts` may be an async iterable.

        If the iterator is closed early, it cancels the running requests.
        """
        profile = self._profile()
        return self._run(_dense, "document").aiter_vectors(atext_items(texts, profile, self.model))

    def embed_documents_sparse(self, texts: Iterable[str]) -> list[SparseVector]:
        """Return one sparse vector per text, in order; only `protocol="dashscope"` supports it.

        Args and errors are those of `embed_documents`.
        """
        return self._run(_sparse, "document", "sparse").embed_all(self._text_items(texts))

    async def aembed_documents_sparse(self, texts: Iterable[str]) -> list[SparseVector]:
        """Return one sparse vector per text, in order, like `embed_documents_sparse`."""
        return await self._run(_sparse, "document", "sparse").aembed_all(self._text_items(texts))

    def embed_query_sparse(self, text: str) -> SparseVector:
        """Return the sparse vector of a search query; only `protocol="dashscope"` supports it."""
        return self._run(_sparse, "query", "sparse").embed_all(self._text_items([text]))[0]

    async def aembed_query_sparse(self, text: str) -> SparseVector:
        """Return the sparse vector of a search query, like `embed_query_sparse`."""
        return (await self._run(_sparse, "query", "sparse").aembed_all(self._text_items([text])))[0]

    def embed_documents_hybrid(self, texts: Iterable[str]) -> list[HybridVector]:
        """Return a dense and a sparse vector per text, in order; only `protocol="dashscope"` supports it.

        One request makes both. Args and errors are those of `embed_documents`.
        """
        return self._run(_hybrid, "document", "dense&sparse").embed_all(self._text_items(texts))

    async def aembed_documents_hybrid(self, texts: Iterable[str]) -> list[HybridVector]:
        """Return a dense and a sparse vector per text, in order, like `embed_documents_hybrid`."""
        return await self._run(_hybrid, "document", "dense&sparse").aembed_all(self._text_items(texts))

    def embed_query_hybrid(self, text: str) -> HybridVector:
        """Return a dense and a sparse vector of a search query; only `protocol="dashscope"` supports it."""
        return self._run(_hybrid, "query", "dense&sparse").embed_all(self._text_items([text]))[0]

    async def aembed_query_hybrid(self, text: str) -> HybridVector:
        """Return a dense and a sparse vector of a search query, like `embed_query_hybrid`."""
        return (await self._run(_hybrid, "query", "dense&sparse").aembed_all(self._text_items([text])))[0]

    def embed_contents(self, contents: Sequence[Any]) -> list[list[float]]:
        """Return one vector per input of a multimodal model, in order; only `protocol="dashscope"` supports it.

        Args:
            contents: The inputs. Each is a text, a LangChain content block (`{"type": "image", "url": "https://…"}`,
                `{"type": "video", "url": "https://…"}`; images also as `base64` with `mime_type`), or a list of these,
                which models that support fusion turn into one vector.

        Raises:
            UnsupportedInputError: An input is malformed, or the model does not take it; nothing was sent.
            QwenWorkspaceError: A request failed, and so did its retries. The error's `partial` has the vectors that
                were made and the inputs without one.
        """
        items = list(content_items(contents, self._profile(), self.model))
        return self._run(_dense, "document").embed_all(items)

    async def aembed_contents(self, contents: Sequence[Any]) -> list[list[float]]:
        """Return one vector per input of a multimodal model, in order, like `embed_contents`."""
        items = list(content_items(contents, self._profile(), self.model))
        return await self._run(_dense, "document").aembed_all(items)

    def _text_items(self, texts: Iterable[str]) -> list[Item]:
        return list(text_items(texts, self._profile(), self.model))

    def _run(
        self,
        vectors_in: Callable[[EmbeddingResponse], Sequence[Vector]],
        text_type: TextType,
        kind: VectorKind = "dense",
    ) -> EmbeddingRun[Vector]:
        return EmbeddingRun(
            template=self._template(text_type, kind),
            vectors_in=vectors_in,
            wire=embedding_wire(self.protocol),
            transport=self._transport(self._workspaces_for(self.model)),
            limits=Limits.of_model(self._profile(), self.chunk_size),
            concurrency=self.max_concurrency,
            progress=self.show_progress_bar,
            callbacks=self.callbacks,
            limit_time=self._limit_time,
        )

    def _template(self, text_type: TextType, kind: VectorKind = "dense") -> EmbeddingCall:
        """Return the call that a method makes, without inputs."""
        profile = self._profile()
        if kind != "dense" and profile.known and not profile.sparse:
            refuse_or_warn(
                f"{self.model!r} makes no sparse vectors; use a model that does, such as `text-embedding-v4`.",
                profile,
                model=self.model,
            )
        # A model of only one size is not documented to accept `dimensions` at all (docs, 2026-06-28).
        sends_size = kind != "sparse" and (len(profile.dimensions) != 1 or not profile.enforced)
        dimensions = self.dimensions if sends_size else None
        return EmbeddingCall(
            model=self.model,
            inputs=(),
            text_type=self.text_type or text_type,
            kind=kind,
            dimensions=dimensions,
            instruct=self.instruct,
            parameters=self._parameters(),
            profile=profile,
            destination=self._destination(),
        )


def _dense(response: EmbeddingResponse) -> Sequence[list[float]]:
    return response.dense


def _sparse(response: EmbeddingResponse) -> Sequence[SparseVector]:
    return response.sparse


def _hybrid(response: EmbeddingResponse) -> Sequence[HybridVector]:
    return [HybridVector(*pair) for pair in zip(response.dense, response.sparse, strict=True)]
