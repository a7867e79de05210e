"""Refuses what a model cannot do before a request is sent; the service's refusal would cost a round trip and say less.

Only for models that the catalogue knows; any other name is left to the service.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile

_THINKING = ("enable_thinking", "thinking_budget", "reasoning_effort")


def check_capabilities(parameters: Mapping[str, Any], call: ChatCall) -> None:
    """Raise if a call asks for what its model does not have.

    Args:
        parameters: The call's parameters, those of `extra_body` among them.
        call: The call.

    Raises:
        UnsupportedInputError: It does; the error names the parameter, the model and the way out.
    """
    if parameters.get("n", 1) > 1 and parameters.get("tools"):
        raise _refused(f"`n` is {parameters['n']}, but a call with tools has one answer. Use `n=1`.", call)
    if call.profile.known:
        _check_thinking(parameters, call)
        _check_form(_form(parameters), call)


def check_json_mode(parameters: Mapping[str, Any], messages: Sequence[Json], call: ChatCall) -> None:
    """Raise if a JSON object is asked for and no message that is sent says so, which the service refuses.

    Args:
        parameters: The call's parameters.
        messages: The messages, as they are sent.
        call: The call.

    Raises:
        UnsupportedInputError: None does.
    """
    if _form(parameters) == "json_object" and not any(_says_json(message) for message in messages):
        raise _refused(
            "`response_format` is a JSON object, and no system or user message says “json”, which the service then "
            "refuses. Say in a message that the answer is to be JSON, and with which keys.",
            call,
        )


def thinks(parameters: Mapping[str, Any], profile: Profile) -> bool:
    """Return whether the model thinks in a call with these parameters."""
    if profile.thinking == "only":
        return True
    if parameters.get("reasoning_effort") == "none":
        return False
    switch = parameters.get(profile.thinking_switch, profile.thinking == "on")
    return switch.get("type") != "disabled" if isinstance(switch, dict) else bool(switch)


def must_stream(call: ChatCall) -> bool:
    """Return whether the model answers the call only in a stream, whichever protocol it goes over."""
    match call.profile.streaming:
        case "required":
            return True
        case "thinking":
            return thinks(call.parameters, call.profile)
        case "tools_or_audio":
            return bool(call.parameters.get("tools") or "audio" in call.parameters.get("modalities", ()))
        case _:
            return False


def _form(parameters: Mapping[str, Any]) -> str | None:
    form: str | None = (parameters.get("response_format") or {}).get("type")
    return form


def _check_thinking(parameters: Mapping[str, Any], call: ChatCall) -> None:
    given = [name for name in _THINKING if name in parameters]
    if given and call.profile.thinking == "none":
        raise _refused(
            f"`{given[0]}` is {parameters[given[0]]!r}, but {call.model!r} does not think and refuses the parameter. "
            "Leave it out, or take a model that thinks.",
            call,
        )
    if call.profile.thinking == "only" and parameters.get("enable_thinking") is False:
        raise _refused(
            f"`enable_thinking` is False, but {call.model!r} always thinks. Leave it out, or take a hybrid model.", call
        )
    if call.profile.reasoning_efforts and {"thinking_budget", "reasoning_effort"} <= parameters.keys():
        raise _refused(f"{call.model!r} takes `thinking_budget` or `reasoning_effort`, not both.", call)


def _check_form(form: str | None, call: ChatCall) -> None:
    if form == "json_schema" and call.profile.json_output in {"none", "object", "object_non_thinking"}:
        raise _refused(
            f"`response_format` is a JSON schema, which {call.model!r} does not follow. Use "
            '`with_structured_output(…, method="function_calling")`, or a model of the Qwen3.7 or 3.8 series.',
            call,
        )
    if form == "json_object" and call.profile.json_output == "none":
        raise _refused(
            f"`response_format` is a JSON object, which {call.model!r} has no mode for. Take a model that has.", call
        )


def _says_json(message: Json) -> bool:
    content = message["content"]
    texts = [content] if isinstance(content, str) else [part.get("text") or "" for part in content]
    return message["role"] in {"system", "user"} and any("json" in text.lower() for text in texts)


def _refused(message: str, call: ChatCall) -> UnsupportedInputError:
    return UnsupportedInputError(message, model=call.model)
