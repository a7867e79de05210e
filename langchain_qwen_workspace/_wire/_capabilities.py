"""Refuses what a model does not support before a request is sent, since the service's error comes later and says less.

Only facts of the catalogue and of the user's `profile` are checked; the service decides about all others. With
`check_capabilities=False` a check only warns.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace.data._parameters import PARAMETERS_AS_OF
from langchain_qwen_workspace.profiles import Profile

_THINKING = ("enable_thinking", "thinking_budget", "reasoning_effort")


def check_capabilities(parameters: Mapping[str, Any], call: ChatCall) -> None:
    """Check that a call's model supports the call's parameters.

    Args:
        parameters: The call's parameters, including those of `extra_body`.
        call: The call.

    Raises:
        UnsupportedInputError: The model does not support a parameter.
    """
    if call.server is None and parameters.get("n", 1) > 1 and parameters.get("tools"):
        message = f"`n` is {parameters['n']}, but a call with tools has one answer. Use `n=1`."
        refuse_or_warn(message, call.profile, model=call.model, since=PARAMETERS_AS_OF)
    if call.profile.knows("thinking"):
        _check_thinking(parameters, call)
    if call.profile.knows("json_output"):
        _check_response_format(_response_format_type(parameters), call)


def check_json_mode(parameters: Mapping[str, Any], messages: Sequence[Json], call: ChatCall) -> None:
    """Check that a message contains the word "json" if a JSON object is requested; otherwise the service refuses.

    Args:
        parameters: The call's parameters, including those of `extra_body`.
        messages: The encoded messages.
        call: The call.

    Raises:
        UnsupportedInputError: No system or user message contains the word.
    """
    if call.server is not None:
        return
    if _response_format_type(parameters) == "json_object" and not any(_has_word_json(message) for message in messages):
        refuse_or_warn(
            "`response_format` is a JSON object, but no system or user message contains the word “json”, which the "
            "service requires. Say in a message that the answer must be JSON, and with which keys.",
            call.profile,
            model=call.model,
            since=PARAMETERS_AS_OF,
        )


def warn_of_cache_ttl(parameters: Mapping[str, Any], messages: Sequence[Json], call: ChatCall) -> None:
    """Warn of cache marks with a lifetime, for a model that has a fixed one.

    Args:
        parameters: The call's parameters, including those of `extra_body`.
        messages: The encoded messages.
        call: The call.
    """
    if call.profile.cache_ttl is not False:
        return
    marked = [parameters, *(parameters.get("tools") or ())]
    marked += [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    if any(_has_ttl(given) for given in marked):
        warn_user(
            f"`cache_control` has a `ttl`, which {call.model!r} is not known to support: the service may ignore the "
            "whole `cache_control`. It is sent unchanged. Remove the `ttl`, unless the service has changed since "
            f"{call.profile.as_of}."
        )


def _has_ttl(given: Any) -> bool:
    mark = given.get("cache_control") if isinstance(given, Mapping) else None
    return isinstance(mark, Mapping) and "ttl" in mark


def is_thinking(parameters: Mapping[str, Any], profile: Profile) -> bool:
    """Return whether the model thinks in a call with these parameters."""
    if profile.thinking == "only":
        return True
    if parameters.get("reasoning_effort") in {"none", "off"}:
        return False
    switch = parameters.get(profile.thinking_switch, profile.thinking == "on")
    return switch.get("type") != "disabled" if isinstance(switch, dict) else bool(switch)


def must_stream(call: ChatCall) -> bool:
    """Return whether the model answers the call only as a stream, on every protocol."""
    match call.profile.streaming:
        case "required":
            return True
        case "thinking":
            return is_thinking(call.parameters, call.profile)
        case "tools_or_audio":
            return bool(call.parameters.get("tools") or "audio" in call.parameters.get("modalities", ()))
        case _:
            return False


def _response_format_type(parameters: Mapping[str, Any]) -> str | None:
    format_type: str | None = (parameters.get("response_format") or {}).get("type")
    return format_type


def _check_thinking(parameters: Mapping[str, Any], call: ChatCall) -> None:
    names = [name for name in _THINKING if name in parameters]
    if names and call.profile.thinking == "none":
        _refuse(
            f"`{names[0]}` is {parameters[names[0]]!r}, but {call.model!r} does not think and refuses the parameter. "
            "Remove it, or use a model that thinks.",
            call,
        )
    if call.profile.thinking == "only" and parameters.get("enable_thinking") is False:
        _refuse(
            f"`enable_thinking` is False, but {call.model!r} always thinks. Remove it, or use a model whose thinking "
            "can be switched off.",
            call,
        )
    if call.profile.reasoning_efforts and {"thinking_budget", "reasoning_effort"} <= parameters.keys():
        _refuse(f"{call.model!r} accepts `thinking_budget` or `reasoning_effort`, but not both. Remove one.", call)


def _check_response_format(format_type: str | None, call: ChatCall) -> None:
    if format_type == "json_schema" and call.profile.json_output in {"none", "object", "object_non_thinking"}:
        # A model without tools refuses that method too.
        tools = (
            "" if call.profile.tool_calling is False else '`with_structured_output(…, method="function_calling")`, or '
        )
        _refuse(
            f"`response_format` is a JSON schema, which {call.model!r} does not support. Use {tools}a model of the "
            "Qwen3.7 or 3.8 series.",
            call,
        )
    if format_type == "json_object" and call.profile.json_output == "none":
        _refuse(
            f"`response_format` is a JSON object, which {call.model!r} does not support. Use a model that does.", call
        )


def _has_word_json(message: Json) -> bool:
    content = message["content"]
    texts = [content] if isinstance(content, str) else [part.get("text") or "" for part in content]
    return message["role"] in {"system", "user"} and any("json" in text.lower() for text in texts)


def _refuse(message: str, call: ChatCall) -> None:
    refuse_or_warn(message, call.profile, model=call.model)
