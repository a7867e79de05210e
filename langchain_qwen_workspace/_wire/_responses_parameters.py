"""Encodes the parameters of a call for the Responses API: its names, its tools, its choices of a tool."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace._wire.parameters import PARAMETERS, check_parameters
from langchain_qwen_workspace.data._responses import MAX_STORES, MIN_OUTPUT_TOKENS, RESPONSES_AS_OF, SERVER_TOOLS
from langchain_qwen_workspace.errors import UnsupportedInputError

# Other names of one parameter. Which tokens it counts is a fact about the model, not about the name.
_OUTPUT_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")


def read_parameters(call: ChatCall) -> Json:
    """Return a call's parameters in the form of chat, checked against what the Responses API has.

    Raises:
        UnsupportedInputError: The API or the model does not support one.
    """
    given = call.parameters
    if call.profile.tool_stream:
        # What GLM needs for tool calls is a parameter of the chat endpoints only.
        given = {name: value for name, value in given.items() if name != "tool_stream"}
    parameters = check_parameters(replace(call, parameters=given))
    _check_support(parameters, call)
    _check_conversation(parameters)
    ignored = [name for name in parameters if name not in PARAMETERS]
    warn_of_ignored(ignored, "the call")
    return parameters


def warn_of_ignored(names: Sequence[str], where: str) -> None:
    """Warn of fields that the service ignores without a sign. They are sent unchanged."""
    if names:
        listed = ", ".join(f"`{name}`" for name in sorted(names))
        warn_user(
            f"The reference of the Responses API of {RESPONSES_AS_OF} does not have {listed} of {where}, and the "
            "service ignores what it does not know without a sign. The request is sent unchanged. Check the spelling, "
            "or remove it."
        )


def _check_support(parameters: Json, call: ChatCall) -> None:
    profile = call.profile
    if profile.responses_api is not False or not profile.knows("responses_api"):
        return
    built_in = [tool["type"] for tool in parameters.get("tools") or () if tool.get("type") != "function"]
    if built_in or profile.inputs != {"text"}:
        what = f"the built-in tool `{built_in[0]}` for {call.model!r}" if built_in else repr(call.model)
        refuse_or_warn(
            f"The Responses API does not document {what}. Use a model of the Qwen3.5 to 3.8 series, or another "
            "protocol.",
            profile,
            model=call.model,
        )
    else:
        warn_user(
            f"The Responses API documents only basic compatibility for {call.model!r} (since {profile.as_of}). Use "
            "another protocol, or a model of the Qwen3.5 to 3.8 series, if something does not work."
        )


def _check_conversation(parameters: Json) -> None:
    given = [name for name in ("previous_response_id", "use_previous_response_id") if parameters.get(name)]
    if given and parameters.get("conversation"):
        raise UnsupportedInputError(
            f"`{given[0]}` and `conversation` are both given, but the service accepts one of them. Remove one."
        )


def encode_parameters(parameters: Mapping[str, Any], call: ChatCall) -> Json:
    """Return the parameters in the form of the Responses API, without those that the call itself reads.

    Args:
        parameters: The parameters in the form of chat, as `read_parameters` returns them.
        call: The call.

    Raises:
        UnsupportedInputError: One is given under two names, or does not have the API's form.
    """
    body: Json = {name: value for name, value in parameters.items() if name not in _READ_BY_THE_CALL}
    _encode_output_limit(body, call)
    _encode_reasoning(body)
    if tools := body.get("tools"):
        body["tools"] = [_encode_tool(tool) for tool in tools]
        _check_tools(body["tools"], call)
    if "tool_choice" in body:
        body["tool_choice"] = _encode_choice(body["tool_choice"], body.get("tools") or (), call)
    return body


_READ_BY_THE_CALL = frozenset(
    {"n", "preserve_thinking", "session_cache", "use_previous_response_id", "previous_response_id"}
)


def _encode_output_limit(body: Json, call: ChatCall) -> None:
    given = {name: body.pop(name) for name in _OUTPUT_LIMITS if name in body}
    if not given:
        return
    if len(given) > 1:
        names = " and ".join(f"`{name}`" for name in given)
        raise UnsupportedInputError(f"{names} are names of one parameter of the Responses API. Pass one of them.")
    [(name, limit)] = given.items()
    if limit < MIN_OUTPUT_TOKENS:
        refuse_or_warn(
            f"`{name}` is {limit}, but the Responses API accepts at least {MIN_OUTPUT_TOKENS}. Raise it.",
            call.profile,
            since=RESPONSES_AS_OF,
        )
    body["max_output_tokens"] = limit


def _encode_reasoning(body: Json) -> None:
    """Put `reasoning_effort` and `thinking_display` into the object `reasoning`."""
    given = dict(body.get("reasoning") or {})
    effort, display = body.pop("reasoning_effort", None), body.pop("thinking_display", None)
    # "One switch" under two names (Model Studio docs, thinking summary, 2026-11-16).
    summary = "auto" if display == "summarized" else display
    for name, own_name, value in (("effort", "reasoning_effort", effort), ("summary", "thinking_display", summary)):
        if value is None:
            continue
        if name in given:
            raise UnsupportedInputError(f"`{own_name}` and `reasoning.{name}` are one parameter. Pass one of them.")
        given[name] = value
    warn_of_ignored([f"reasoning.{name}" for name in given.keys() - {"effort", "summary"}], "the call")
    if given:
        body["reasoning"] = given


def _encode_tool(tool: Json) -> Json:
    """Return a tool in the API's form, in which a function's fields are beside its type."""
    function = tool.get("function")
    if tool.get("type") == "function" and isinstance(function, dict):
        return {"type": "function", **function}
    return tool


def _check_tools(tools: Sequence[Json], call: ChatCall) -> None:
    types = {tool.get("type") for tool in tools}
    for tool in tools:
        type_ = str(tool.get("type"))
        if type_ == "function":
            continue
        if type_ not in SERVER_TOOLS:
            warn_of_ignored([type_], "the tools")
            continue
        known = SERVER_TOOLS[type_]
        if missing := sorted(known.required - tool.keys()):
            _refuse(f"The tool `{type_}` needs {', '.join(f'`{name}`' for name in missing)}, which it lacks.", call)
        if known.needs and known.needs not in types:
            _refuse(f"The tool `{type_}` works only with the tool `{known.needs}`. Add that one to the tools.", call)
        stores = tool.get("vector_store_ids")
        if isinstance(stores, list) and len(stores) > MAX_STORES:
            _refuse(f"`{type_}` has {len(stores)} `vector_store_ids`, but searches one knowledge base. Pass one.", call)
        warn_of_ignored(sorted(tool.keys() - known.required - known.optional - {"type"}), f"the tool `{type_}`")


def _encode_choice(choice: Any, tools: Sequence[Json], call: ChatCall) -> Any:
    """Return a choice in the API's form: a word, or the tools that are allowed."""
    if isinstance(choice, dict) and choice.get("type") == "function":
        if len(tools) == 1:
            return "required"
        named = {"type": "function", "name": choice["function"]["name"]}
        return {"type": "allowed_tools", "mode": "required", "tools": [named]}
    if choice == "required" and len(tools) > 1:
        _refuse(
            f"`tool_choice` is 'required', which the Responses API accepts only with one tool, but {len(tools)} are "
            'given. Pass one tool, or `tool_choice="auto"`.',
            call,
        )
    return choice


def _refuse(message: str, call: ChatCall) -> None:
    refuse_or_warn(message, call.profile, model=call.model, since=RESPONSES_AS_OF)
