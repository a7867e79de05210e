"""The documented parameters of a chat call: their accepted values, and the protocols on which they exist."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace._wire._capabilities import check_capabilities
from langchain_qwen_workspace.errors import UnsupportedInputError


@dataclass(frozen=True, slots=True)
class Parameter:
    """One documented parameter.

    Attributes:
        protocols: The protocols on which it exists, `None` for all.
        is_valid: Returns whether a value is accepted, `None` for any value.
        expected: The accepted values in words, for the error.
    """

    protocols: frozenset[ProtocolName] | None = None
    is_valid: Callable[[Any], bool] | None = None
    expected: str = ""


def _number(low: float, high: float, *, low_open: bool = False, high_open: bool = False) -> Parameter:
    def is_valid(value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return (low < value if low_open else low <= value) and (value < high if high_open else value <= high)

    return Parameter(
        is_valid=is_valid,
        expected=f"a number in {'(' if low_open else '['}{low}, {high}{')' if high_open else ']'}",
    )


def _integer(low: int, high: int | None = None) -> Parameter:
    def is_valid(value: Any) -> bool:
        return (
            isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high)
        )

    return Parameter(
        is_valid=is_valid, expected=f"an integer of at least {low}" + (f" and at most {high}" if high else "")
    )


_ANY = Parameter()
_FLAG = Parameter(is_valid=lambda value: isinstance(value, bool), expected="true or false")
_OPENAI: frozenset[ProtocolName] = frozenset({"openai"})
_DASHSCOPE: frozenset[ProtocolName] = frozenset({"dashscope"})

# Source of the ranges: Model Studio docs, error codes, 2026-08-18 ("Temperature should be in [0.0, 2.0)", …).
# Source of the names: docs, chat completions and DashScope reference, 2026-09 to 2026-11. `frequency_penalty`,
# `logit_bias` and `user` are in neither; clients of other providers send them.
PARAMETERS: dict[str, Parameter] = {
    "temperature": _number(0, 2, high_open=True),
    "top_p": _number(0, 1, low_open=True),
    "top_k": _integer(0),
    "presence_penalty": _number(-2, 2),
    "repetition_penalty": _number(0, float("inf"), low_open=True),
    "max_tokens": _integer(1),
    "max_completion_tokens": _integer(1),
    "max_input_tokens": _integer(1),
    "n": _integer(1, 4),
    "seed": _integer(0),
    "stop": _ANY,
    "logprobs": _FLAG,
    "top_logprobs": _integer(0, 5),
    "response_format": Parameter(is_valid=lambda value: isinstance(value, dict), expected="an object with a `type`"),
    "tools": _ANY,
    "tool_choice": _ANY,
    "parallel_tool_calls": _FLAG,
    "tool_stream": _FLAG,
    "enable_thinking": _FLAG,
    "thinking_budget": _integer(1),
    "reasoning_effort": _ANY,
    "preserve_thinking": _FLAG,
    "clear_thinking": _FLAG,
    "thinking": _ANY,
    "enable_search": _FLAG,
    "search_options": _ANY,
    "enable_text_image_mixed": _FLAG,
    "enable_code_interpreter": _FLAG,
    "vl_high_resolution_images": _FLAG,
    "translation_options": _ANY,
    "ocr_options": _ANY,
    "skill": _ANY,
    "modalities": _ANY,
    "audio": _ANY,
    "use_multichannel": _FLAG,
    "stream_options": Parameter(_OPENAI),
    "result_format": Parameter(_DASHSCOPE, lambda value: value == "message", '"message"'),
    "incremental_output": Parameter(_DASHSCOPE, lambda value: value is True, "true"),
    "max_frames": Parameter(_DASHSCOPE),
    "vl_enable_image_hw_output": Parameter(_DASHSCOPE),
    "asr_options": Parameter(_DASHSCOPE),
    "output_format": Parameter(_DASHSCOPE),
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


def check_parameters(call: ChatCall) -> Json:
    """Return a call's parameters, including those of `extra_body`, and check them.

    Raises:
        UnsupportedInputError: A parameter is out of its range, does not exist on the protocol, is given twice, or is
            not supported by the model; or `n` is more than one in a stream.
    """
    protocol, serving = call.destination.protocol, call.profile.protocols
    if serving is not None and protocol not in serving:
        raise UnsupportedInputError(
            f"{call.model!r} is served only over {_protocols(serving)}. Use that protocol.", model=call.model
        )
    body = merge_extra_body(call.parameters)
    for name, value in body.items():
        known = PARAMETERS.get(name, _ANY)
        if known.protocols is not None and protocol not in known.protocols:
            raise UnsupportedInputError(
                f'`{name}` exists only on {_protocols(known.protocols)}, but this call uses "{protocol}". Remove it.'
            )
        if known.is_valid is not None and not known.is_valid(value):
            raise UnsupportedInputError(f"`{name}` is {value!r}. Expected {known.expected}.")
    if call.stream and body.get("n", 1) > 1:
        raise UnsupportedInputError(f"`n` is {body['n']}, but a stream has one answer. Use `invoke` or `n=1`.")
    check_capabilities(body, call)
    return body


def _list(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _protocols(names: Collection[str]) -> str:
    return " or ".join(f'`protocol="{name}"`' for name in sorted(names))
