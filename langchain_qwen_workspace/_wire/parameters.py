"""The parameters of a chat call: which are known, what they may be, and on which protocol they exist."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._seam import ChatCall, Json, ProtocolName
from langchain_qwen_workspace._wire._capabilities import check_capabilities
from langchain_qwen_workspace.errors import UnsupportedInputError


@dataclass(frozen=True, slots=True)
class Parameter:
    """One documented parameter.

    Attributes:
        only: The one protocol that has it, `None` for both.
        allowed: Says whether a value is accepted, `None` for any value.
        expected: The accepted values in words, for the error.
    """

    only: ProtocolName | None = None
    allowed: Callable[[Any], bool] | None = None
    expected: str = ""


def _number(low: float, high: float, *, low_open: bool = False, high_open: bool = False) -> Parameter:
    def allowed(value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return (low < value if low_open else low <= value) and (value < high if high_open else value <= high)

    return Parameter(
        allowed=allowed,
        expected=f"a number in {'(' if low_open else '['}{low}, {high}{')' if high_open else ']'}",
    )


def _integer(low: int, high: int | None = None) -> Parameter:
    def allowed(value: Any) -> bool:
        return (
            isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high)
        )

    return Parameter(
        allowed=allowed, expected=f"an integer of at least {low}" + (f" and at most {high}" if high else "")
    )


_ANY = Parameter()
_FLAG = Parameter(allowed=lambda value: isinstance(value, bool), expected="true or false")
_OPENAI_ONLY = Parameter(only="openai")
_NATIVE_ONLY = Parameter(only="dashscope")

# Ranges: Model Studio docs, error codes, 2026-08-18 ("Temperature should be in [0.0, 2.0)" and its neighbours).
# Names: docs, chat completions and DashScope reference, 2026-09 to 2026-11. `frequency_penalty`, `logit_bias` and
# `user` are in neither, but the clients of other providers send them.
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
    "response_format": Parameter(allowed=lambda value: isinstance(value, dict), expected="an object with a `type`"),
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
    "stream_options": _OPENAI_ONLY,
    "result_format": Parameter("dashscope", lambda value: value == "message", '"message", the format that is read'),
    "incremental_output": Parameter("dashscope", lambda value: value is True, "true: streams are read as deltas"),
    "max_frames": _NATIVE_ONLY,
    "vl_enable_image_hw_output": _NATIVE_ONLY,
    "asr_options": _NATIVE_ONLY,
    "output_format": _NATIVE_ONLY,
}


def flattened(parameters: Mapping[str, Any]) -> Json:
    """Return a call's parameters with those of `extra_body` among them.

    Raises:
        UnsupportedInputError: One is given twice, or is what the wire itself writes.
    """
    body = dict(parameters)
    extra = body.pop("extra_body", None) or {}
    if twice := sorted(body.keys() & extra.keys()):
        raise UnsupportedInputError(f"{twice} is given as a parameter and in `extra_body`: give each once.")
    body.update(extra)
    if written := sorted(body.keys() & _WRITTEN):
        raise UnsupportedInputError(
            f"{written} is among the parameters, but follows from the call itself. Take it out of `extra_body` or "
            "`model_kwargs`."
        )
    return body


_WRITTEN = frozenset({"model", "messages", "input", "parameters", "stream"})


def checked(call: ChatCall, *, protocol: ProtocolName) -> Json:
    """Return a call's parameters, with those of `extra_body` among them.

    Raises:
        UnsupportedInputError: One is out of its range, of the other protocol, given twice, or nothing that the model
            has; or `n` is more than one in a stream.
    """
    if protocol not in call.profile.protocols:
        only = " and ".join(f'"{name}"' for name in sorted(call.profile.protocols))
        raise UnsupportedInputError(f"{call.model!r} is served only over `protocol` {only}.", model=call.model)
    body = flattened(call.parameters)
    for name, value in body.items():
        known = PARAMETERS.get(name, _ANY)
        if known.only is not None and known.only != protocol:
            raise UnsupportedInputError(
                f'`{name}` exists only on `protocol="{known.only}"`; this call goes over "{protocol}".'
            )
        if known.allowed is not None and not known.allowed(value):
            raise UnsupportedInputError(f"`{name}` is {value!r}. Expected {known.expected}.")
    if call.stream and body.get("n", 1) > 1:
        raise UnsupportedInputError(f"`n` is {body['n']}, but a stream has one answer. Use `invoke`, or `n=1`.")
    check_capabilities(body, call)
    return body
