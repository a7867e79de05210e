"""`QwenWorkspaceEmbeddings`: LangChain's face of an embedding model."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from langchain_core.embeddings import Embeddings
from pydantic import ConfigDict, Field, model_validator

from langchain_qwen_workspace._client_fields import ClientFields
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._types import EmbeddingCall, Origin
from langchain_qwen_workspace.errors import ConfigurationError, UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of


class QwenWorkspaceEmbeddings(ClientFields, Embeddings):
    """Text embeddings of Model Studio, called as a workspace.

    Texts are sent in batches of the model's own limit, and vectors come back in the order of the texts.

    Example:
        ```python
        from langchain_qwen_workspace import QwenWorkspaceEmbeddings

        embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=1024, region="singapore")
        vectors = embeddings.embed_documents(["The West Lake is in Hangzhou.", "The Bund is in Shanghai."])
        query = embeddings.embed_query("Where is the West Lake?")
        ```

    The native protocol tells the model whether a text is searched for or searched in (`text_type`); the
    compatible one has no word for it, so that its query vectors are document vectors.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    model: str = Field(min_length=1)
    """The model's name, such as `"text-embedding-v4"`."""

    base_model: str | None = None
    """For a fine-tuned or deployed model: the catalogue model it was made from, whose facts then apply."""

    dimensions: int | None = Field(default=None, ge=1)
    """Components of a vector, one of the model's sizes. Default: the model's."""

    chunk_size: int | None = Field(default=None, ge=1)
    """Texts per request, at most the model's limit. Default: that limit, 10 for a model that is not known."""

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Parameters that have no field here, sent as they are."""

    @model_validator(mode="after")
    def _fits_the_model(self) -> "QwenWorkspaceEmbeddings":
        profile = profile_of(self.model, base_model=self.base_model)
        sizes = profile.dimensions
        if self.dimensions is not None and sizes and self.dimensions not in sizes:
            raise ConfigurationError(
                f"`dimensions` is {self.dimensions}, which {self.model!r} does not have. Expected one of "
                f"{', '.join(map(str, sizes))}."
            )
        if self.chunk_size is not None and profile.known and self.chunk_size > profile.max_rows:
            raise ConfigurationError(
                f"`chunk_size` is {self.chunk_size}, but {self.model!r} takes at most {profile.max_rows} texts "
                "a request."
            )
        return self

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text, in order.

        Args:
            texts: Texts that will be searched in.

        Raises:
            UnsupportedInputError: A text is not a string or is empty; nothing was sent.
            QwenWorkspaceError: A request failed.
        """
        return self._embed(texts, "document")

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a text that will be searched for."""
        return self._embed([text], "query")[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text, in order, like `embed_documents`."""
        return await self._aembed(texts, "document")

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of a text that will be searched for."""
        return (await self._aembed([text], "query"))[0]

    def _embed(self, texts: Sequence[str], kind: Literal["query", "document"]) -> list[list[float]]:
        wire, vectors = PROTOCOLS[self.protocol].embeddings, []
        for call in self._calls(texts, kind):
            vectors += wire.decode(self._transport(self.resolved_workspace()).send(wire.encode(call)), call)
        return vectors

    async def _aembed(self, texts: Sequence[str], kind: Literal["query", "document"]) -> list[list[float]]:
        wire, vectors = PROTOCOLS[self.protocol].embeddings, []
        for call in self._calls(texts, kind):
            body = await self._transport(self.resolved_workspace()).asend(wire.encode(call))
            vectors += wire.decode(body, call)
        return vectors

    def _calls(self, texts: Sequence[object], kind: Literal["query", "document"]) -> Iterator[EmbeddingCall]:
        """Yield one call per batch, after every text was looked at."""
        if isinstance(texts, str):
            raise UnsupportedInputError(f"The texts are one string, {texts[:80]!r}. Expected a list of strings.")
        checked = [_checked(text, position) for position, text in enumerate(texts)]
        workspace, profile = self.resolved_workspace(), profile_of(self.model, base_model=self.base_model)
        # A model of one size is not documented to take the parameter, not even with that size (docs, 2026-06-28).
        dimensions = self.dimensions if len(profile.dimensions) != 1 else None
        size = self.chunk_size or profile.max_rows
        for start in range(0, len(checked), size):
            yield EmbeddingCall(
                model=self.model,
                texts=checked[start : start + size],
                kind=kind,
                dimensions=dimensions,
                parameters=self.model_kwargs,
                origin=Origin(self.protocol, workspace.region, workspace.workspace_id),
            )


def _checked(text: object, position: int) -> str:
    if not isinstance(text, str) or not text:
        raise UnsupportedInputError(f"Text {position} is {text!r}. Expected a string that is not empty.")
    return text
