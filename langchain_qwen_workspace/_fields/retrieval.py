"""The fields that embeddings and rerank share: the model, its task, further parameters and callbacks."""

from typing import Any, ClassVar, Self

from langchain_core.callbacks import Callbacks
from pydantic import ConfigDict, Field, model_validator

from langchain_qwen_workspace._fields.client import ClientFields, profile_at
from langchain_qwen_workspace._fields.model_kinds import check_model
from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._seam import Destination
from langchain_qwen_workspace._workspace.arguments import KnownArgumentsOnly
from langchain_qwen_workspace._workspace.secrets import refuse_secrets
from langchain_qwen_workspace.data._row import Kind
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.profiles import Profile


class RetrievalFields(KnownArgumentsOnly, ClientFields):
    """The fields of an embeddings or rerank component."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    _kind: ClassVar[Kind]

    # Names that `model_kwargs` may not have, because fields, methods and the protocols' wires set them. Another model
    # would go round the workspace's `allowed_models`.
    _set_by_the_call: ClassVar[frozenset[str]]

    model: str = Field(min_length=1)
    """The model's name in Model Studio, such as `"text-embedding-v4"` or `"qwen3-rerank"`."""

    base_model: str | None = None
    """Of a fine-tuned or deployed model: the model from which it was made, whose properties apply. Default: none."""

    instruct: str | None = Field(default=None, min_length=1)
    """The search task, such as `"Given a web search query, retrieve relevant passages"`. Default: none.

    Embeddings send it with queries only, and support it only with `protocol="dashscope"`. Reranking supports it with
    `"openai"` and `"dashscope"`. The service recommends English.
    """

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Parameters without a field of their own, sent unchanged. Default: none.

    Names that the call itself sets are refused, and so is what looks like a secret.
    """

    callbacks: Callbacks = Field(default=None, exclude=True, repr=False)
    """Handlers whose `on_custom_event` receives the usage of each request. Default: none.

    The handlers of the surrounding run receive it too.
    """

    @model_validator(mode="after")
    def _check_model_kwargs(self) -> Self:
        self._refuse_duplicates()
        return self

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        profile = check_model(self.model, self._profile(), self._kind, self._other_server())
        if profile.protocols is not None and self.protocol not in profile.protocols:
            self._refuse(
                f"{self.model!r} is not available with `protocol={self.protocol!r}`; use "
                f"`protocol={min(profile.protocols)!r}`."
            )
        if self.instruct is not None and not profile.instruct:
            self._refuse(f"`instruct` is not supported by {self.model!r}; leave it out or use a newer model.")
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return a deep copy that shares its handlers, since they receive the usage of every copy."""
        return super().__deepcopy__({**(memo or {}), id(self.callbacks): self.callbacks})

    def _profile(self) -> Profile:
        return profile_at(self._other_server(), self.model, self.base_model, enforced=self.check_capabilities)

    def _refuse(self, message: str) -> None:
        refuse_or_warn(message, self._profile(), error_class=ConfigurationError)

    def _parameters(self) -> dict[str, Any]:
        """Return the further parameters of a call.

        Raises:
            UnsupportedInputError: One looks like a secret.
            ConfigurationError: One is set by the call itself.
        """
        # Again: the dict may have been changed, and a copy is not validated.
        refuse_secrets(self.model_kwargs)
        self._refuse_duplicates()
        return self.model_kwargs

    def _refuse_duplicates(self) -> None:
        if duplicates := sorted(self._set_by_the_call & self.model_kwargs.keys()):
            names = ", ".join(f"`{name}`" for name in duplicates)
            raise ConfigurationError(
                f"`model_kwargs` has {names}, which the call itself sets. Pass what is a field directly, and remove "
                "the rest."
            )

    def _destination(self) -> Destination:
        """Return the destination that is called first.

        Raises:
            PermissionDeniedError: The workspace's `allowed_models` do not include the model.
        """
        return self._workspaces_for(self.model)[0]._destination(self.protocol)  # noqa: SLF001 - a value of this package
