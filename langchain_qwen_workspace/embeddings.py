"""`QwenWorkspaceEmbeddings`: LangChain's face of an embedding model."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any, ClassVar, NamedTuple, TypeVar

from langchain_core.embeddings import Embeddings
from pydantic import Field, model_validator

from langchain_qwen_workspace._fields.retrieval import RetrievalFields
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._retrieval.batching import Item, Limits
from langchain_qwen_workspace._retrieval.embedding_call import EmbeddingRun
from langchain_qwen_workspace._retrieval.inputs import atext_items, content_items, text_items
from langchain_qwen_workspace._seam import EmbeddingCall, EmbeddingResponse, SparseVector, TextType, VectorKind
from langchain_qwen_workspace.data._row import Kind
from langchain_qwen_workspace.errors import ConfigurationError, UnsupportedInputError

Vector = TypeVar("Vector")


class HybridVector(NamedTuple):
    """Both vectors of one text, for a hybrid search."""

    dense: list[float]
    """The dense one."""

    sparse: SparseVector
    """The sparse one."""


class QwenWorkspaceEmbeddings(RetrievalFields, Embeddings):
    """Embeddings of Model Studio, called as a workspace.

    Inputs are sent in batches of the model's own limits, several at a time, and vectors come back in the order of the
    inputs. A request that fails is sent again by itself (`max_retries`). If it stays failed, the error's `partial`
    has the vectors that were made, and the inputs without one.

    Example:
        ```python
        from langchain_qwen_workspace import QwenWorkspaceEmbeddings

        embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=1024, region="singapore")
        vectors = embeddings.embed_documents(["The West Lake is in Hangzhou.", "The Bund is in Shanghai."])
        query = embeddings.embed_query("Where is the West Lake?")
        ```

    The native protocol tells the model whether a text is searched for or searched in (`text_type`); the compatible one
    has no word for it, so that its query vectors are document vectors. Vectors of the two protocols do not mix. Only
    the native protocol has `instruct`, sparse vectors, and embeddings of images and videos.
    """

    _kind: ClassVar[Kind] = "embedding"

    dimensions: int | None = Field(default=None, ge=1)
    """Components of a dense vector, one of the model's sizes. Default: the model's."""

    text_type: TextType | None = None
    """What every text is, whichever method embeds it, on the native protocol. Default: what the method says.

    `"document"` for queries too makes equal texts have equal vectors, as for clustering.
    """

    chunk_size: int | None = Field(default=None, ge=1)
    """Inputs per request, at most the model's limit. Default: that limit, 10 for a model that is not known.

    A request has fewer if their tokens would be too many, counted offline in Qwen's vocabulary.
    """

    max_concurrency: int = Field(default=8, ge=1)
    """Requests under way at a time, for each call of a method. Default: 8."""

    show_progress_bar: bool = False
    """Whether a bar of `tqdm` shows how far a call is; needs the extra `progress`. Default: no."""

    @model_validator(mode="after")
    def _fits_the_model(self) -> "QwenWorkspaceEmbeddings":
        profile = self._profile()
        sizes = profile.dimensions
        if self.dimensions is not None and sizes and self.dimensions not in sizes:
            raise ConfigurationError(
                f"`dimensions` is {self.dimensions}, which {self.model!r} does not have. Expected one of "
                f"{', '.join(map(str, sizes))}."
            )
        if self.chunk_size is not None and profile.known and self.chunk_size > profile.max_rows:
            raise ConfigurationError(
                f"`chunk_size` is {self.chunk_size}, but {self.model!r} takes at most {profile.max_rows} inputs "
                "a request."
            )
        if self.show_progress_bar and find_spec("tqdm") is None:
            raise ConfigurationError(
                "`show_progress_bar` needs `tqdm`, which is not installed: "
                "`pip install langchain-qwen-workspace[progress]`."
            )
        return self

    @model_validator(mode="after")
    def _fits_the_protocol(self) -> "QwenWorkspaceEmbeddings":
        given = [name for name in ("instruct", "text_type") if getattr(self, name) is not None]
        if given and not PROTOCOLS[self.protocol].embeddings.supports_text_type:
            raise ConfigurationError(
                f'`{given[0]}` of embeddings exists only on the native protocol: use `protocol="dashscope"`, or leave '
                "it out."
            )
        if self.text_type is not None and self._profile().native_endpoint == "multimodal":
            raise ConfigurationError(f"{self.model!r} does not tell queries from documents: leave `text_type` out.")
        return self

    def embed_documents(self, texts: Iterable[str]) -> list[list[float]]:
        """Return one vector per text, in order.

        Args:
            texts: Texts that will be searched in. All are looked at before anything is sent.

        Raises:
            UnsupportedInputError: A text is not a string or is empty; nothing was sent.
            ContextLengthError: A text has more tokens than the model takes; nothing was sent.
            QwenWorkspaceError: A request failed for good. `partial` of the error has what was done.
        """
        return self._run(_dense, "document").all(self._texts(texts))

    async def aembed_documents(self, texts: Iterable[str]) -> list[list[float]]:
        """Return one vector per text, in order, like `embed_documents`."""
        return await self._run(_dense, "document").aall(self._texts(texts))

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a text that will be searched for."""
        return self._run(_dense, "query").all(self._texts([text]))[0]

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of a text that will be searched for."""
        return (await self._run(_dense, "query").aall(self._texts([text])))[0]

    def lazy_embed_documents(self, texts: Iterable[str]) -> Iterator[list[float]]:
        """Yield one vector per text, in order, for a corpus that is read as it goes and fits no list.

        Texts are taken a few batches ahead of the vectors that were given out, so memory does not grow with the
        corpus. An iterator that is closed early, as by a `break` of the loop, waits for the requests under way.

        Args:
            texts: Texts that will be searched in, such as a generator.

        Raises:
            UnsupportedInputError: A text is not a string or is empty; raised after the vectors before it.
            ContextLengthError: A text has more tokens than the model takes; raised after the vectors before it.
            QwenWorkspaceError: A request failed for good; raised after the vectors before it. `partial` of the error
                has what was taken from `texts` since.
        """
        profile = self._profile()
        return self._run(_dense, "document").each(text_items(texts, profile, self.model))

    def alazy_embed_documents(self, texts: Iterable[str] | AsyncIterable[str]) -> AsyncIterator[list[float]]:
        """Yield one vector per text, in order, like `lazy_embed_documents`; `texts` may be an async generator.

        An iterator that is closed early cancels the requests under way.
        """
        profile = self._profile()
        return self._run(_dense, "document").aeach(atext_items(texts, profile, self.model))

    def embed_documents_sparse(self, texts: Iterable[str]) -> list[SparseVector]:
        """Return one sparse vector per text, in order, on the native protocol; errors as of `embed_documents`."""
        return self._run(_sparse, "document", "sparse").all(self._texts(texts))

    async def aembed_documents_sparse(self, texts: Iterable[str]) -> list[SparseVector]:
        """Return one sparse vector per text, in order, like `embed_documents_sparse`."""
        return await self._run(_sparse, "document", "sparse").aall(self._texts(texts))

    def embed_query_sparse(self, text: str) -> SparseVector:
        """Return the sparse vector of a text that will be searched for, on the native protocol."""
        return self._run(_sparse, "query", "sparse").all(self._texts([text]))[0]

    async def aembed_query_sparse(self, text: str) -> SparseVector:
        """Return the sparse vector of a text that will be searched for, like `embed_query_sparse`."""
        return (await self._run(_sparse, "query", "sparse").aall(self._texts([text])))[0]

    def embed_documents_hybrid(self, texts: Iterable[str]) -> list[HybridVector]:
        """Return a dense and a sparse vector per text, in order, by one request for both, on the native protocol."""
        return self._run(_hybrid, "document", "dense&sparse").all(self._texts(texts))

    async def aembed_documents_hybrid(self, texts: Iterable[str]) -> list[HybridVector]:
        """Return a dense and a sparse vector per text, in order, like `embed_documents_hybrid`."""
        return await self._run(_hybrid, "document", "dense&sparse").aall(self._texts(texts))

    def embed_query_hybrid(self, text: str) -> HybridVector:
        """Return a dense and a sparse vector of a text that will be searched for, on the native protocol."""
        return self._run(_hybrid, "query", "dense&sparse").all(self._texts([text]))[0]

    async def aembed_query_hybrid(self, text: str) -> HybridVector:
        """Return a dense and a sparse vector of a text that will be searched for, like `embed_query_hybrid`."""
        return (await self._run(_hybrid, "query", "dense&sparse").aall(self._texts([text])))[0]

    def embed_contents(self, contents: Sequence[Any]) -> list[list[float]]:
        """Return one vector per input of a multimodal model, in order, on the native protocol.

        Args:
            contents: Each a text, a content block in LangChain's words (`{"type": "image", "url": "https://…"}`,
                `{"type": "video", "url": "https://…"}`; images also as `base64` with `mime_type`), or a list of these,
                which are fused into one vector by the models that can.

        Raises:
            UnsupportedInputError: An input has no shape that can be sent, or the model does not take it.
            QwenWorkspaceError: A request failed for good. `partial` of the error has what was done.
        """
        items = list(content_items(contents, self._profile(), self.model))
        return self._run(_dense, "document").all(items)

    async def aembed_contents(self, contents: Sequence[Any]) -> list[list[float]]:
        """Return one vector per input of a multimodal model, in order, like `embed_contents`."""
        items = list(content_items(contents, self._profile(), self.model))
        return await self._run(_dense, "document").aall(items)

    def _texts(self, texts: Iterable[str]) -> list[Item]:
        return list(text_items(texts, self._profile(), self.model))

    def _run(
        self,
        rows: Callable[[EmbeddingResponse], Sequence[Vector]],
        text_type: TextType,
        kind: VectorKind = "dense",
    ) -> EmbeddingRun[Vector]:
        return EmbeddingRun(
            template=self._template(text_type, kind),
            rows=rows,
            wire=PROTOCOLS[self.protocol].embeddings,
            transport=self._transport(self._workspaces_for(self.model)),
            limits=Limits.of(self._profile(), self.chunk_size),
            concurrency=self.max_concurrency,
            progress=self.show_progress_bar,
            callbacks=self.callbacks,
        )

    def _template(self, text_type: TextType, kind: VectorKind = "dense") -> EmbeddingCall:
        """Return a call without inputs."""
        profile = self._profile()
        if kind != "dense" and profile.known and not profile.sparse:
            raise UnsupportedInputError(f"{self.model!r} has no sparse vectors.", model=self.model)
        # A model of one size is not documented to take the parameter, not even with that size (docs, 2026-06-28).
        dimensions = self.dimensions if len(profile.dimensions) != 1 and kind != "sparse" else None
        return EmbeddingCall(
            model=self.model,
            inputs=(),
            text_type=self.text_type or text_type,
            kind=kind,
            dimensions=dimensions,
            instruct=self.instruct,
            parameters=self.model_kwargs,
            profile=profile,
            destination=self._origin(),
        )


def _dense(answer: EmbeddingResponse) -> Sequence[list[float]]:
    return answer.dense


def _sparse(answer: EmbeddingResponse) -> Sequence[SparseVector]:
    return answer.sparse


def _hybrid(answer: EmbeddingResponse) -> Sequence[HybridVector]:
    return [HybridVector(*pair) for pair in zip(answer.dense, answer.sparse, strict=True)]
