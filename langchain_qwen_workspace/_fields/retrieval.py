"""What embeddings and rerank are told alike: which model, for which task, and whom to tell what it used."""

from typing import Any, ClassVar, Self

from langchain_core.callbacks import Callbacks
from pydantic import ConfigDict, Field, model_validator

from langchain_qwen_workspace._fields.client import ClientFields
from langchain_qwen_workspace._seam import Destination
from langchain_qwen_workspace.data._row import Kind
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.profiles import Profile, profile_of

_MADE_FOR: dict[Kind, str] = {
    "chat": "`ChatQwenWorkspace` calls it",
    "embedding": "`QwenWorkspaceEmbeddings` calls it",
    "embedding_task": "it reads a file and answers later: use `QwenWorkspaceBatch` with another model instead",
    "rerank": "`QwenWorkspaceRerank` calls it",
}


class RetrievalFields(ClientFields):
    """The fields of a component that finds texts."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    _kind: ClassVar[Kind]

    model: str = Field(min_length=1)
    """The model's name, as the console shows it."""

    base_model: str | None = None
    """For a fine-tuned or deployed model: the catalogue model it was made from, whose facts then apply."""

    instruct: str | None = Field(default=None, min_length=1)
    """What the search is for, as `"Given a web search query, retrieve relevant passages"`. Default: none.

    Embeddings: for queries only, on the native protocol. Rerank: on both. English is advised.
    """

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Parameters that have no field here, sent as they are."""

    callbacks: Callbacks = Field(default=None, exclude=True, repr=False)
    """Handlers whose `on_custom_event` is told of each request what it used, beside those of the run around it."""

    @model_validator(mode="after")
    def _is_for_this(self) -> Self:
        profile = self._profile()
        if profile.kind is not None and profile.kind != self._kind:
            raise ConfigurationError(
                f"{self.model!r} is not a model for this: {_MADE_FOR[profile.kind]}. Expected one of kind "
                f"{self._kind!r}."
            )
        if self.protocol not in profile.protocols:
            raise ConfigurationError(
                f"{self.model!r} is not reached over `protocol={self.protocol!r}`: use "
                f"`protocol={min(profile.protocols)!r}`."
            )
        if self.instruct is not None and not profile.instruct:
            raise ConfigurationError(f"{self.model!r} takes no `instruct`. Leave it out, or take a newer model.")
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return a deep copy; handlers are shared, since they are told of what all copies do."""
        return super().__deepcopy__({**(memo or {}), id(self.callbacks): self.callbacks})

    def _profile(self) -> Profile:
        return profile_of(self.model, base_model=self.base_model)

    def _origin(self) -> Destination:
        """Return who is called.

        Raises:
            PermissionDeniedError: The workspace's `allowed_models` leave the model out.
        """
        return self._destination_of(self._workspaces_for(self.model)[0])
