"""The parameters of a chat call that a model holds as fields, under the service's names."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from langchain_qwen_workspace.errors import ConfigurationError

# Names by which other chat models of LangChain call the same.
_OTHER_NAMES = {"model_name": "model", "request_timeout": "timeout", "stop_sequences": "stop"}


def renamed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's arguments under this package's names.

    Raises:
        ConfigurationError: One is given under two names.
    """
    if twice := [name for name, own in _OTHER_NAMES.items() if name in arguments and own in arguments]:
        raise ConfigurationError(f"`{twice[0]}` and `{_OTHER_NAMES[twice[0]]}` are the same: give one of them.")
    return {_OTHER_NAMES.get(name, name): value for name, value in arguments.items()}


class ChatParameters(BaseModel):
    """What a chat model sends with every call; `None` leaves it to the service."""

    temperature: float | None = None
    """Randomness, from 0 to below 2. Default: the model's."""

    top_p: float | None = None
    """Nucleus sampling, above 0 up to 1. Default: the model's."""

    top_k: int | None = None
    """How many candidates a token is drawn from; 0 or above 100 for all. Default: the model's."""

    presence_penalty: float | None = None
    """How strongly repetition of content is avoided, from -2 to 2. Default: the model's."""

    repetition_penalty: float | None = None
    """How strongly repeated sequences are avoided, above 0; 1 is none. Default: the model's."""

    max_tokens: int | None = None
    """Most tokens of the answer. Most models do not count the reasoning in it. Default: the model's limit."""

    n: int | None = None
    """How many answers, 1 to 4, for the few models that can; not in streams. Default: one."""

    seed: int | None = None
    """Makes answers more alike. Default: none."""

    stop: list[str] | str | None = None
    """Where the answer ends, the sequence left out. Default: nowhere."""

    logprobs: bool | None = None
    """Whether the tokens' log probabilities come along, in `response_metadata`. Default: no."""

    top_logprobs: int | None = None
    """For how many candidates of each token, 0 to 5. Default: none."""

    enable_thinking: bool | None = None
    """Whether a hybrid model thinks before it answers. Default: the model's."""

    thinking_budget: int | None = None
    """Most tokens of reasoning. Default: the model's limit."""

    reasoning_effort: str | None = None
    """How much a model thinks that is told in words (`low`, `medium`, `xhigh`, …). Default: the model's."""

    preserve_thinking: bool | None = None
    """Whether earlier reasoning in the conversation is sent back to the model. Default: the model's."""

    enable_search: bool | None = None
    """Whether the model may search the web. Sources come only on the native protocol. Default: no."""

    search_options: dict[str, Any] | None = None
    """How it searches; see the service's documentation of `search_options`. Default: the service's."""

    parallel_tool_calls: bool | None = None
    """Whether one answer may call several tools. Default: the service's, which is no."""

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Parameters that have no field here, sent as they are."""

    extra_body: Mapping[str, Any] | None = None
    """Parameters under the service's names, as the OpenAI SDK takes them: sent among the others."""

    def default_parameters(self) -> dict[str, Any]:
        """Return the parameters of a call that says nothing itself."""
        own = {name: getattr(self, name) for name in ChatParameters.model_fields if name != "model_kwargs"}
        return {**self.model_kwargs, **{name: value for name, value in own.items() if value is not None}}
