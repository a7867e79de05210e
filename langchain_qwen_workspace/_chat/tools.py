"""Converts tools to the service's format, and resolves a `tool_choice` that the model accepts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool

from langchain_qwen_workspace._chat.schemas import to_openai_tool
from langchain_qwen_workspace._chat.tool_secrets import reveal_secrets
from langchain_qwen_workspace._protocols import lacking_server_tools
from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace._wire._capabilities import is_thinking
from langchain_qwen_workspace.data._responses import ALLOWED_TOOLS
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile


def bind_parameters(
    tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
    *,
    tool_choice: dict[str, Any] | str | bool | None,
    strict: bool | None,
) -> dict[str, Any]:
    """Return the parameters `tools` and `tool_choice` of a call.

    Args:
        tools: The tools, in any form that `bind_tools` accepts.
        tool_choice: The choice, in any form that `bind_tools` accepts.
        strict: Whether arguments must follow the schema exactly.

    Raises:
        UnsupportedInputError: The choice names none of the tools.
    """
    converted = to_openai_tools(tools, strict=strict)
    names = _tool_names(converted)
    parameters: dict[str, Any] = {"tools": converted}
    if (choice := _to_openai_choice(tool_choice, names)) is not None:
        parameters["tool_choice"] = choice
    return parameters


def _to_openai_choice(choice: Any, names: Sequence[str]) -> Any:
    """Return a choice in the service's format; `None` if there is none."""
    if isinstance(choice, str) and choice in names:
        return _named_choice(choice)
    if choice in (True, "any", "required") and names:
        return "required"
    _check_choice(choice or None, names)
    return choice or None


def to_openai_tools(tools: Sequence[Any], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Return tools in the service's format."""
    return [_to_openai_tool(tool, strict=strict) for tool in tools]


def _to_openai_tool(tool: Any, *, strict: bool | None) -> dict[str, Any]:
    try:
        return to_openai_tool(tool, strict=strict)
    except ValueError:
        # A tool that the service runs itself is sent unchanged; LangChain knows only those of other providers.
        if isinstance(tool, dict) and isinstance(tool.get("type"), str) and tool["type"] not in {"object", "function"}:
            return tool
        raise


def check_server_tools(parameters: Mapping[str, Any], protocol: str, profile: Profile) -> None:
    """Check that a protocol has the tools of a call that the service runs itself.

    Args:
        parameters: The call's parameters.
        protocol: The protocol's name.
        profile: The facts about the model.

    Raises:
        UnsupportedInputError: Only other protocols have one; the error names them.
    """
    given = [*(parameters.get("tools") or ()), parameters.get("tool_choice")]
    for type_, protocols in lacking_server_tools(protocol, given).items():
        refuse_or_warn(
            f"The service has `{type_}` only over {protocols}, but this call uses {protocol!r}. Use that protocol.",
            profile,
        )


def _check_choice(choice: Any, names: Sequence[str]) -> None:
    if choice in (None, "auto", "none", "required") or _is_allowed_tools(choice):
        return
    function = choice.get("function") if isinstance(choice, dict) else None
    if not isinstance(function, dict) or function.get("name") not in names:
        raise UnsupportedInputError(
            f"`tool_choice` is {choice!r}. Expected a tool's name ({', '.join(map(repr, names)) or 'none is bound'}), "
            '"auto", "none", or "any" to force a call of one of them.'
        )


def _is_allowed_tools(choice: Any) -> bool:
    """Return whether a choice is the Responses API's own object, which is sent unchanged."""
    return isinstance(choice, dict) and choice.get("type") == ALLOWED_TOOLS


def resolve_tool_choice(parameters: dict[str, Any], model: str, profile: Profile, protocol: str) -> dict[str, Any]:
    """Return a call's parameters with a `tool_choice` that the model accepts; warn if it differs.

    Model Studio docs, function calling, 2026-09: Qwen accepts `auto`, `none` and one named function, the last only
    while it does not think; the service answers 400 to `required`. GLM returns no call at all without `tool_stream`.

    Args:
        parameters: The call's parameters.
        model: The model's name, for the warning.
        profile: The facts about the model.
        protocol: The protocol's name.
    """
    if not parameters.get("tools"):
        return {name: value for name, value in parameters.items() if name not in {"tools", "tool_choice"}}
    parameters = {**parameters, "tools": reveal_secrets(to_openai_tools(parameters["tools"]))}
    check_server_tools(parameters, protocol, profile)
    choice = _to_openai_choice(parameters.get("tool_choice"), _tool_names(parameters["tools"]))
    parameters = {**parameters, "tool_choice": choice} if choice else parameters
    if profile.tool_stream:
        parameters = {"tool_stream": True, **parameters}
    if (
        choice in (None, "auto", "none")
        or _is_allowed_tools(choice)
        or not profile.knows("tool_choice")
        or _is_accepted(choice, parameters, profile)
    ):
        return parameters
    if not profile.enforced:
        refuse_or_warn(f"{model!r} does not accept the `tool_choice` {choice!r} in this call.", profile)
        return parameters
    return _adapt_tool_choice(parameters, choice, model=model, profile=profile)


def _adapt_tool_choice(parameters: dict[str, Any], choice: Any, *, model: str, profile: Profile) -> dict[str, Any]:
    """Return the parameters with the accepted choice that comes nearest to one that the model does not accept."""
    if choice == "required":
        names = _tool_names(parameters["tools"])
        if not names and len(parameters["tools"]) == 1:
            return parameters  # The only tool is one of the service.
        if len(names) != 1:
            count = len(parameters["tools"])
            warn_user(
                f'{model!r} cannot be forced to call any of {count} tools: `tool_choice` was sent as "auto". '
                f"Name one tool to force its call. {_SEND_UNCHANGED}"
            )
            return {**parameters, "tool_choice": "auto"}
        choice = _named_choice(names[0])
    if "function" not in profile.tool_choice and "required" in profile.tool_choice:
        # The model can be forced to call any tool, but not a named one: only the named one is sent.
        name = choice["function"]["name"]
        tools = [tool for tool in parameters["tools"] if _tool_names([tool]) == [name]]
        return {**parameters, "tools": tools, "tool_choice": "required"}
    if is_thinking(parameters, profile) and not profile.forced_while_thinking:
        return _without_thinking(parameters, choice, model=model, profile=profile)
    return {**parameters, "tool_choice": choice}


def _is_accepted(choice: Any, parameters: Mapping[str, Any], profile: Profile) -> bool:
    if choice == "required":
        return "required" in profile.tool_choice
    return "function" in profile.tool_choice and (profile.forced_while_thinking or not is_thinking(parameters, profile))


def _without_thinking(parameters: Mapping[str, Any], choice: Any, *, model: str, profile: Profile) -> dict[str, Any]:
    if profile.thinking == "only":
        warn_user(
            f'{model!r} always thinks and so cannot be forced to call a tool: `tool_choice` was sent as "auto". '
            f"{_SEND_UNCHANGED}"
        )
        return {**parameters, "tool_choice": "auto"}
    switch, off = profile.thinking_switch, _THINKING_OFF[profile.thinking_switch]
    warn_user(
        f"{model!r} cannot be forced to call a tool while it thinks: `{switch}` was sent as {off!r} for this call. "
        f"{_SEND_UNCHANGED}"
    )
    thinking = {"enable_thinking", "thinking", "thinking_budget", "reasoning_effort"}
    others = {name: value for name, value in parameters.items() if name not in thinking}
    return {**others, switch: off, "tool_choice": choice}


_SEND_UNCHANGED = "Pass `check_capabilities=False` to send what was given."
_THINKING_OFF: dict[str, Any] = {"enable_thinking": False, "thinking": {"type": "disabled"}}


def _tool_names(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    return [tool["function"]["name"] for tool in tools if tool.get("type") == "function"]


def _named_choice(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}
