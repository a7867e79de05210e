"""The documented parameters of a chat call: their accepted values, and the protocols on which they exist."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace._wire._capabilities import check_capabilities, must_stream
from langchain_qwen_workspace._wire._other_servers import to_parameters_of
from langchain_qwen_workspace.data._parameters import PARAMETERS_AS_OF, REASONING_EFFORTS
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One documented parameter.

    Attributes:
        protocols: The protocols on which it exists, `None` for all.
        may_be_ignored: Whether an answer keeps its form without it. Where a protocol does not have the parameter, a
            call then only warns, since the service ignores it without a sign; otherwise the call is refused.
        has_shape: Returns whether a value has the right type and sign, `None` for any value.
        expected: The values of the right shape in words, for the error.
        is_in_range: Returns whether the service accepts a value of the right shape, `None` for any.
        range_expected: The accepted values in words, for the error.
    """

    protocols: frozenset[ProtocolName] | None = None
    may_be_ignored: bool = False
    has_shape: Callable[[Any], bool] | None = None
    expected: str = ""
    is_in_range: Callable[[Any], bool] | None = None
    range_expected: str = ""


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_list_of(values: Any, is_valid: Callable[[Any], bool]) -> bool:
    return isinstance(values, list | tuple) and all(map(is_valid, values))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_token_id(value: Any) -> bool:
    return _is_integer(value) and value >= 0


def _is_stop(value: Any) -> bool:
    return (
        _is_text(value)
        or any(_is_list_of(value, is_valid) for is_valid in (_is_text, _is_token_id))
        or _is_list_of(value, lambda ids: _is_list_of(ids, _is_token_id))
    )


def _integer(low: int, high: int | None = None) -> Parameter:
    return Parameter(
        has_shape=lambda value: _is_integer(value) and value >= low,
        expected=f"an integer of at least {low}",
        is_in_range=None if high is None else lambda value: value <= high,
        range_expected=f"an integer of at least {low} and at most {high}",
    )


_ANY = Parameter()
_TEXT = Parameter(has_shape=lambda value: isinstance(value, str) and value != "", expected="a text")
_EFFORTS = " or ".join(f'"{effort}"' for effort in REASONING_EFFORTS)
_FLAG = Parameter(has_shape=lambda value: isinstance(value, bool), expected="true or false")
_NOT_NEGATIVE = Parameter(has_shape=lambda value: _is_number(value) and value >= 0, expected="a number of at least 0")
_OPENAI: frozenset[ProtocolName] = frozenset({"openai"})
_DASHSCOPE: frozenset[ProtocolName] = frozenset({"dashscope"})
_RESPONSES: frozenset[ProtocolName] = frozenset({"responses"})
_CHAT = _OPENAI | _DASHSCOPE


def _on_chat(parameter: Parameter) -> Parameter:
    """Return a parameter that Responses does not have, and without which an answer has another form."""
    return replace(parameter, protocols=_CHAT)


def _ignored_by_responses(parameter: Parameter) -> Parameter:
    """Return a parameter that Responses ignores without a sign."""
    return replace(parameter, protocols=_CHAT, may_be_ignored=True)


# Source of the ranges: see `PARAMETERS_AS_OF`.
# Source of the names: docs, chat completions and DashScope reference, 2026-09 to 2026-11. `frequency_penalty`,
# `logit_bias` and `user` are in neither; clients of other providers send them. What Responses has: reference of the
# Responses API, 2026-10-23; all else is ignored there ("only the documented parameters are processed").
PARAMETERS: dict[str, Parameter] = {
    "temperature": replace(_NOT_NEGATIVE, is_in_range=lambda value: value < 2, range_expected="a number in [0, 2)"),  # noqa: PLR2004
    "top_p": replace(_NOT_NEGATIVE, is_in_range=lambda value: 0 < value <= 1, range_expected="a number in (0, 1]"),
    "top_k": _ignored_by_responses(_integer(0)),
    "presence_penalty": _ignored_by_responses(
        Parameter(
            has_shape=_is_number,
            expected="a number",
            is_in_range=lambda value: -2 <= value <= 2,  # noqa: PLR2004
            range_expected="a number in [-2, 2]",
        )
    ),
    "repetition_penalty": _ignored_by_responses(
        replace(_NOT_NEGATIVE, is_in_range=lambda value: value > 0, range_expected="a number above 0")
    ),
    "max_tokens": _integer(1),
    "max_completion_tokens": _integer(1),
    "max_input_tokens": _ignored_by_responses(_integer(1)),
    "n": _on_chat(_integer(1, 4)),
    "seed": _ignored_by_responses(_integer(0)),
    "stop": _on_chat(
        Parameter(
            has_shape=_is_stop, expected="a text, a list of texts, a list of token ids, or a list of lists of token ids"
        )
    ),
    "logprobs": _on_chat(_FLAG),
    "top_logprobs": _on_chat(_integer(0, 5)),
    "response_format": _on_chat(
        Parameter(has_shape=lambda value: isinstance(value, dict), expected="an object with a `type`")
    ),
    "tools": _ANY,
    "tool_choice": _ANY,
    "parallel_tool_calls": _ignored_by_responses(_FLAG),
    "tool_stream": _ignored_by_responses(_FLAG),
    "enable_thinking": _FLAG,
    "thinking_budget": _ignored_by_responses(_integer(1)),
    "reasoning_effort": Parameter(has_shape=_is_text, expected=_EFFORTS),
    "thinking_display": Parameter(has_shape=_is_text, expected='"summarized"'),
    "preserve_thinking": _FLAG,
    "clear_thinking": _ignored_by_responses(_FLAG),
    "thinking": _ignored_by_responses(_ANY),
    "enable_search": _on_chat(_FLAG),
    "search_options": _on_chat(_ANY),
    "enable_text_image_mixed": _on_chat(_FLAG),
    "enable_code_interpreter": _on_chat(_FLAG),
    "vl_high_resolution_images": _ignored_by_responses(_FLAG),
    "translation_options": _on_chat(_ANY),
    "ocr_options": _ANY,
    "skill": _on_chat(_ANY),
    "modalities": _on_chat(_ANY),
    "audio": _on_chat(_ANY),
    "use_multichannel": _ignored_by_responses(_FLAG),
    # Automatic caching and its lifetime, by either name (Model Studio docs, explicit cache of Qwen4, 2026-11-16).
    "cache_control": _ignored_by_responses(_ANY),
    "prompt_cache_options": _ignored_by_responses(_ANY),
    "stream_options": Parameter(protocols=_OPENAI),
    "result_format": Parameter(protocols=_DASHSCOPE, has_shape=lambda value: value == "message", expected='"message"'),
    "incremental_output": Parameter(protocols=_DASHSCOPE, has_shape=lambda value: value is True, expected="true"),
    "max_frames": Parameter(protocols=_DASHSCOPE),
    "vl_enable_image_hw_output": Parameter(protocols=_DASHSCOPE),
    "asr_options": _on_chat(_ANY),
    "output_format": Parameter(protocols=_DASHSCOPE),
    "max_output_tokens": replace(_integer(1), protocols=_RESPONSES),
    "reasoning": Parameter(
        protocols=_RESPONSES, has_shape=lambda value: isinstance(value, dict), expected="an object with an `effort`"
    ),
    "instructions": replace(_TEXT, protocols=_RESPONSES),
    "previous_response_id": replace(_TEXT, protocols=_RESPONSES),
    "use_previous_response_id": replace(_FLAG, protocols=_RESPONSES),
    "conversation": replace(_TEXT, protocols=_RESPONSES),
    # Not documented for chat, to which OpenAI's clients send it too.
    "store": _FLAG,
    "session_cache": replace(_FLAG, protocols=_RESPONSES),
}


def merge_extra_body(parameters: Mapping[str, Any]) -> Json:
    """Return a call's parameters, including those of `extra_body`.

    Raises:
        UnsupportedInputError: A parameter is given twice, or is one that only the wire may set.
    """
    body = dict(parameters)
    extra = body.pop("extra_body", None) or {}
    if repeated := sorted(body.keys() & extra.keys()):
        raise UnsupportedInputError(f"Given both as parameters and in `extra_body`: {_list(repeated)}. Pass each once.")
    body.update(extra)
    if reserved := sorted(body.keys() & _SET_BY_THE_WIRE):
        raise UnsupportedInputError(
            f"Given as parameters, but set by the call itself: {_list(reserved)}. Remove them from `extra_body` or "
            "`model_kwargs`."
        )
    return body


_SET_BY_THE_WIRE = frozenset({"model", "messages", "input", "parameters", "stream"})


def check_values(parameters: Mapping[str, Any], profile: Profile, *, with_ranges: bool = True) -> None:
    """Check the type, sign and range of each parameter.

    Args:
        parameters: The parameters, including those of `extra_body`.
        profile: The facts about the model.
        with_ranges: Whether the server is Model Studio, whose ranges are known.

    Raises:
        UnsupportedInputError: A value has the wrong shape, or is out of its documented range.
    """
    for name, value in parameters.items():
        known = PARAMETERS.get(name, _ANY)
        if known.has_shape is not None and not known.has_shape(value):
            raise UnsupportedInputError(f"`{name}` is {value!r}. Expected {known.expected}.")
        if with_ranges and known.is_in_range is not None and not known.is_in_range(value):
            message = f"`{name}` is {value!r}. Expected {known.range_expected}."
            refuse_or_warn(message, profile, since=PARAMETERS_AS_OF)
    effort = parameters.get("reasoning_effort", "none")
    if profile.known and effort not in {*REASONING_EFFORTS, *profile.reasoning_efforts}:
        refuse_or_warn(f"`reasoning_effort` is {effort!r}. Expected {_EFFORTS}.", profile)


def check_parameters(call: ChatCall) -> Json:
    """Return a call's parameters, including those of `extra_body`, and check them.

    Raises:
        UnsupportedInputError: A parameter is out of its range, does not exist on the protocol, is given twice, or is
            not supported by the model; or `n` is more than one in a stream.
    """
    protocol, profile = call.destination.protocol, call.profile
    if not profile.is_served_over(protocol):
        refuse_or_warn(
            f"{call.model!r} is served only over {_protocols(profile.protocols or ())}. Use that protocol.",
            profile,
            model=call.model,
        )
    body = merge_extra_body(call.parameters)
    for name in body:
        known = PARAMETERS.get(name, _ANY)
        if known.protocols is None or protocol in known.protocols:
            continue
        message = f'`{name}` exists only on {_protocols(known.protocols)}, but this call uses "{protocol}"'
        if known.may_be_ignored:
            warn_user(f"{message}, which ignores it without a sign. It is sent unchanged. Remove it.")
        else:
            refuse_or_warn(f"{message}. Remove it.", profile, since=PARAMETERS_AS_OF)
    check_values(body, profile, with_ranges=call.server is None)
    if call.stream and body.get("n", 1) > 1:
        what, instead = "a stream", "`invoke` or `n=1`"
        if must_stream(call):
            what, instead = f"{call.model!r} answers this call only as a stream, which", "`n=1`"
        raise UnsupportedInputError(f"`n` is {body['n']}, but {what} has one answer. Use {instead}.")
    check_capabilities(body, call)
    return body if call.server is None else to_parameters_of(call.server, body, profile)


def _list(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _protocols(names: Collection[str]) -> str:
    return " or ".join(f'`protocol="{name}"`' for name in sorted(names))
