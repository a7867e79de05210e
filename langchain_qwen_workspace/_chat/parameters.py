"""The parameters of a chat call that a model has as fields, under the service's names."""

from collections.abc import Collection, Mapping
from operator import attrgetter
from typing import Any, ClassVar

from pydantic import BaseModel, Field, model_validator

from langchain_qwen_workspace._chat.structured_output import to_response_format
from langchain_qwen_workspace._chat.tool_secrets import seal_tools
from langchain_qwen_workspace._fields.client import ClientFields, check_headers
from langchain_qwen_workspace._suggestions import suggest_argument
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace._wire.parameters import PARAMETERS, merge_extra_body
from langchain_qwen_workspace._workspace.secrets import refuse_secrets
from langchain_qwen_workspace.errors import ConfigurationError, UnsupportedInputError

# Other names for the same fields, which LangChain's other chat models use.
ALIASES = {"model_name": "model", "request_timeout": "timeout", "stop_sequences": "stop"}


def resolve_aliases(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's arguments under the names of its fields.

    Raises:
        ConfigurationError: A field is given under two names.
    """
    for alias, name in ALIASES.items():
        if alias in arguments and name in arguments:
            raise ConfigurationError(f"`{alias}` and `{name}` are two names of one field. Pass one of them.")
    return {ALIASES.get(name, name): value for name, value in arguments.items()}


EXTRA_HEADERS = "extra_headers"
"""The keyword argument for the headers of a call, as the OpenAI SDK names it."""


def _check_extra_headers(headers: Any) -> Mapping[str, str]:
    if not isinstance(headers, Mapping) or not all(isinstance(text, str) for pair in headers.items() for text in pair):
        raise UnsupportedInputError(
            f"`{EXTRA_HEADERS}` is of type `{type(headers).__name__}`. Expected a dict that maps the names of headers "
            "to their values, both strings."
        )
    return check_headers(headers, name_of_field=EXTRA_HEADERS)


def spell_like(headers: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Return headers under the names of others that differ only in case, so that they replace them."""
    names = {name.lower(): name for name in others}
    return {names.get(name.lower(), name): value for name, value in headers.items()}


def refuse_fields(options: Collection[str]) -> None:
    """Refuse the model's own settings among the parameters of a call, since they would be sent in its body.

    Raises:
        UnsupportedInputError: There is one.
    """
    if not options:
        return
    if fields := [f"`{name}`" for name in ClientFields.model_fields if name in options]:
        raise UnsupportedInputError(
            f"{', '.join(fields)} cannot be set for a single call. Set {'it' if len(fields) == 1 else 'them'} when "
            "you create the model, or on a copy: `llm.model_copy(update={…})`."
        )


def warn_of_undocumented_parameters(
    parameters: Mapping[str, Any], known: Collection[str] = PARAMETERS.keys() | ALIASES
) -> None:
    """Warn of each parameter that the service does not document.

    Args:
        parameters: The parameters.
        known: The names among which the one that was probably meant is looked for.
    """
    for name in parameters:
        if name not in PARAMETERS and name not in {"extra_body", EXTRA_HEADERS}:
            warn_user(
                f"`{name}` is not a parameter that Model Studio documents; it is sent unchanged."
                f"{suggest_argument(name, known) or ' Check its spelling.'} If the name is right, pass it in "
                "`extra_body`."
            )


# Ranges and defaults: Model Studio docs, chat completions and DashScope reference, 2026-09 to 2026-11, and error codes,
# 2026-08-18.
class ChatParameters(BaseModel, defer_build=True):
    """The parameters that a chat model sends with every call.

    `None` (the default of each) sends nothing, so that the service's or the model's own default applies. Names and
    ranges are the same on every protocol. Each parameter says which protocol does not have it: there a call is refused,
    or, if the service ignores the parameter, sent with a warning. A wrong type or sign is refused where it is given,
    and so is a value out of the documented range, unless `check_capabilities` is false. Parameters of a call override
    those of the model.
    """

    _documented: ClassVar[Collection[str]] = PARAMETERS.keys() | ALIASES

    temperature: float | None = None
    """Sampling temperature, from 0 to below 2: higher values are more random. Default: the model's.

    qwen3.8-max and qwen3.8-flash raise values below 0.6 to 0.6 while they think.
    """

    top_p: float | None = None
    """Nucleus sampling: the probability mass to sample from, above 0 and at most 1. Default: the model's."""

    top_k: int | None = None
    """The number of candidate tokens to sample from, at least 0; above 100 there is no limit. Default: the model's.

    DeepSeek, Kimi and MiniMax models do not have it. The protocol `"responses"` ignores it.
    """

    presence_penalty: float | None = None
    """How strongly the model avoids tokens that the text already has, from -2 to 2. Default: the model's.

    The protocol `"responses"` ignores it.
    """

    repetition_penalty: float | None = None
    """How strongly the model avoids repeated sequences, above 0; 1 means no penalty. Default: the model's.

    The protocol `"responses"` ignores it.
    """

    max_tokens: int | None = None
    """The maximum number of tokens of the answer, at least 1. Default: the model's limit.

    Most models do not count the reasoning in it; the parameter `max_completion_tokens` counts both. The protocol
    `"responses"` has one limit, under either name, of at least 16.
    """

    n: int | None = None
    """The number of answers, from 1 to 4. Default: 1.

    Few models support more than one (Qwen3 without thinking, qwen-plus-character), and not in streams or with tools.
    The protocol `"responses"` does not have it.
    """

    seed: int | None = None
    """The seed of the sampling, at least 0: calls with the same seed get similar answers. Default: none.

    The protocol `"responses"` ignores it.
    """

    stop: list[str] | str | list[int] | list[list[int]] | None = None
    """One or several texts before which the answer ends, or token ids: a list, or a list of lists. Default: none.

    The protocol `"responses"` does not have it.
    """

    logprobs: bool | None = None
    """Whether the tokens' log probabilities are returned, in `response_metadata["logprobs"]`. Default: no.

    The protocol `"responses"` does not have it.
    """

    top_logprobs: int | None = None
    """For how many candidates of each token log probabilities are returned, from 0 to 5. Default: the service's, 0.

    The protocol `"responses"` does not have it.
    """

    enable_thinking: bool | None = None
    """Whether the model thinks before it answers, for models whose thinking can be switched; others refuse it.

    Default: the model's. The reasoning is in `additional_kwargs["reasoning_content"]`.
    """

    thinking_budget: int | None = None
    """The maximum number of tokens of the reasoning, at least 1. Default: the model's limit.

    The protocol `"responses"` ignores it; `reasoning_effort` works there.
    """

    reasoning_effort: str | None = None
    """How much the model thinks: `"low"`, `"medium"`, `"xhigh"`, …, or `"none"` for not at all. Default: the model's.

    Qwen3.8 accepts it or `thinking_budget`, but not both.
    """

    thinking_display: str | None = None
    """`"summarized"` returns a summary of the reasoning and its ciphertext, instead of the reasoning. Default: neither.

    Only `qwen4-max` has it. The ciphertext is in `additional_kwargs["encrypted_content"]`; it is sent back with its
    message, so that later turns and tool rounds continue the same reasoning.
    """

    preserve_thinking: bool | None = None
    """Whether the reasoning of earlier messages is sent back to the model. Default: the model's."""

    enable_search: bool | None = None
    """Whether the model may search the web. Default: no.

    Only the protocol `"dashscope"` returns the sources, in `response_metadata["search_info"]`. The protocol
    `"responses"` does not have it: bind the tool `{"type": "web_search"}`.
    """

    search_options: dict[str, Any] | None = None
    """How the model searches, such as `{"forced_search": True, "search_strategy": "turbo"}`. Default: the service's.

    The protocol `"responses"` does not have it.
    """

    parallel_tool_calls: bool | None = None
    """Whether one answer may have several tool calls. Default: the service's, which is no.

    The protocol `"responses"` ignores it.
    """

    previous_response_id: str | None = Field(default=None, min_length=1)
    """The id of an earlier response (`response_metadata["id"]`), which the service continues. Default: none.

    Only the protocol `"responses"` has it. If the messages contain the earlier answer, only those after it are sent.
    The id is valid for 7 days, in the workspace and region that made it, unless that call had `store=False`.
    """

    use_previous_response_id: bool | None = None
    """Whether `previous_response_id` is that of the last answer among the messages. Default: no.

    Only the messages after that answer are sent. The whole conversation is sent instead if another workspace or region
    made the answer, if it was not stored, and, once, if the service no longer has it. Only the protocol `"responses"`
    has it.
    """

    conversation: str | None = Field(default=None, min_length=1)
    """The id of a conversation that the service keeps, instead of `previous_response_id`. Default: none.

    Only the protocol `"responses"` has it. The messages after the last answer of the same conversation are sent.
    """

    store: bool | None = None
    """Whether the service keeps the response, so that `previous_response_id` can name it. Default: the service's, yes.

    Only the protocol `"responses"` documents it; the others send it unchanged.
    """

    session_cache: bool | None = None
    """Whether the service caches the input for the next calls of a session, from 1,024 tokens on. Default: no.

    Only the protocol `"responses"` has it; it is sent as the header `x-dashscope-session-cache`.
    """

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Parameters without a field of their own, sent unchanged. Default: none.

    Arguments without a field are added to it, with a warning if the service does not document them. What looks like a
    secret by its name or value is refused.
    """

    extra_body: Mapping[str, Any] | None = None
    """Parameters under the service's names, as the OpenAI SDK takes them; sent like all others. Default: none.

    Unlike `model_kwargs`, undocumented names cause no warning. A call's `extra_body` is merged into the model's.
    """

    @model_validator(mode="before")
    @classmethod
    def _collect_model_kwargs(cls, values: Any) -> Any:
        """Move arguments without a field into `model_kwargs`, with a warning if the service does not document them."""
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields.keys()
        values = resolve_aliases(values)
        extra = {name: value for name, value in values.items() if name not in fields}
        model_kwargs = dict(values.get("model_kwargs") or {})
        if model_kwargs and (misplaced := sorted(model_kwargs.keys() & (fields | extra.keys()))):
            names = ", ".join(f"`{name}`" for name in misplaced)
            raise ConfigurationError(
                f"Pass {names} directly, not in `model_kwargs`, which is only for parameters that are not arguments of "
                "their own."
            )
        if extra:
            warn_of_undocumented_parameters(extra, (*fields, *cls._documented))
        return seal_tools({name: value for name, value in values.items() if name in fields}) | {
            "model_kwargs": seal_tools(model_kwargs | extra)
        }

    def default_parameters(self) -> dict[str, Any]:
        """Return the model's own parameters, by name, which are those of a call without parameters."""
        given = zip(_PARAMETERS, _parameters_of(self), strict=True)
        return {**self.model_kwargs, **{name: value for name, value in given if value is not None}}

    def _merge_parameters(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of one call: its own override the model's, and `None` removes one."""
        extra_body = {**(self.extra_body or {}), **(options.pop("extra_body", None) or {})}
        merged = {**self.default_parameters(), **options, "extra_body": extra_body or None}
        given = {name: value for name, value in merged.items() if value is not None}
        if not given:
            return given
        refuse_secrets(given, self._documented)
        parameters = merge_extra_body(given)
        if not parameters.get("stop", True):
            del parameters["stop"]
        if EXTRA_HEADERS in parameters:
            parameters[EXTRA_HEADERS] = _check_extra_headers(parameters[EXTRA_HEADERS])
        if "response_format" in parameters:
            parameters["response_format"] = to_response_format(parameters["response_format"])
        return parameters


_PARAMETERS = tuple(name for name in ChatParameters.model_fields if name != "model_kwargs")
_parameters_of = attrgetter(*_PARAMETERS)
