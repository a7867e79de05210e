"""Tools as LangChain gives them, and the `tool_choice` that a model can be told."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from langchain_qwen_workspace._wire._capabilities import is_thinking
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile


def bind_parameters(
    tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
    *,
    tool_choice: dict[str, Any] | str | bool | None,
    strict: bool | None,
) -> dict[str, Any]:
    """Return the parameters that stand for some tools and a choice among them.

    Raises:
        UnsupportedInputError: The choice names none of the tools, or a tool has a name that the service reserves.
    """
    written = [_to_openai_tool(tool, strict=strict) for tool in tools]
    names = _names(written)
    if "search" in names:
        # Model Studio docs, error codes, 2026-08-18: "Tool names are not allowed to be [search]".
        raise UnsupportedInputError("A tool is named 'search', which Model Studio reserves: give it another name.")
    parameters: dict[str, Any] = {"tools": written}
    if (choice := _chosen(tool_choice, names)) is not None:
        parameters["tool_choice"] = choice
    return parameters


def _chosen(choice: Any, names: Sequence[str]) -> Any:
    """Return a choice in the service's words, `None` if nothing was chosen."""
    if isinstance(choice, str) and choice in names:
        return _named(choice)
    if choice in (True, "any", "required") and names:
        return "required"
    _check(choice or None, names)
    return choice or None


def _to_openai_tool(tool: Any, *, strict: bool | None) -> dict[str, Any]:
    if isinstance(tool, dict) and tool.get("type") == "function" and strict is None:
        return tool
    try:
        return convert_to_openai_tool(tool, strict=strict)
    except ValueError:
        # A tool that the service runs itself goes out as it is; LangChain knows only those of other providers.
        if isinstance(tool, dict) and isinstance(tool.get("type"), str) and tool["type"] not in {"object", "function"}:
            return tool
        raise


def _check(choice: Any, names: Sequence[str]) -> None:
    if isinstance(choice, dict):
        choice = (choice.get("function") or {}).get("name")
    elif choice in (None, "auto", "none", "required"):
        return
    if choice not in names:
        raise UnsupportedInputError(
            f"`tool_choice` is {choice!r}. Expected a tool's name ({', '.join(map(repr, names)) or 'none is bound'}), "
            '"auto", "none", or "any" to have one of them called.'
        )


def resolve_tool_choice(parameters: dict[str, Any], *, model: str, profile: Profile) -> dict[str, Any]:
    """Return a call's parameters with a `tool_choice` that the model accepts, and warn where that is another one.

    Model Studio docs, function calling, 2026-09: Qwen knows `auto`, `none` and one named function, the last only
    while it does not think; `required` answers 400. GLM returns no call at all unless `tool_stream` is sent.

    Args:
        parameters: The call's parameters.
        model: The model's name, for the warning.
        profile: What the model is like.
    """
    if not parameters.get("tools"):
        return {name: value for name, value in parameters.items() if name not in {"tools", "tool_choice"}}
    parameters = {**parameters, "tools": [_to_openai_tool(tool, strict=None) for tool in parameters["tools"]]}
    choice = _chosen(parameters.get("tool_choice"), _names(parameters["tools"]))
    parameters = {**parameters, "tool_choice": choice} if choice else parameters
    if profile.tool_stream:
        parameters = {"tool_stream": True, **parameters}
    if choice in (None, "auto", "none") or not profile.known:
        return parameters
    if choice == "required" and "required" not in profile.tool_choice:
        names = _names(parameters["tools"])
        if len(names) != 1:
            warnings.warn(
                f'{model!r} cannot be made to call any of {len(names)} tools: `tool_choice` was sent as "auto". '
                "Name one tool to have it called.",
                stacklevel=2,
            )
            return {**parameters, "tool_choice": "auto"}
        choice = _named(names[0])
    if choice != "required" and "function" not in profile.tool_choice and "required" in profile.tool_choice:
        # Any of one tool is that tool; no other is offered, since none could be called.
        named = choice["function"]["name"]
        only = [tool for tool in parameters["tools"] if _names([tool]) == [named]]
        return {**parameters, "tools": only, "tool_choice": "required"}
    if choice != "required" and is_thinking(parameters, profile):
        return _without_thinking(parameters, choice, model=model, profile=profile)
    return {**parameters, "tool_choice": choice}


def _without_thinking(parameters: Mapping[str, Any], choice: Any, *, model: str, profile: Profile) -> dict[str, Any]:
    if profile.thinking == "only":
        warnings.warn(
            f'{model!r} always thinks and cannot be made to call a tool meanwhile: `tool_choice` was sent as "auto".',
            stacklevel=2,
        )
        return {**parameters, "tool_choice": "auto"}
    switch, off = profile.thinking_switch, _OFF[profile.thinking_switch]
    warnings.warn(
        f"{model!r} cannot be made to call a tool while it thinks: `{switch}` was sent as {off!r} for this call.",
        stacklevel=2,
    )
    thinking = {"enable_thinking", "thinking", "thinking_budget", "reasoning_effort"}
    kept = {name: value for name, value in parameters.items() if name not in thinking}
    return {**kept, switch: off, "tool_choice": choice}


_OFF: dict[str, Any] = {"enable_thinking": False, "thinking": {"type": "disabled"}}


def _names(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    return [tool["function"]["name"] for tool in tools if tool.get("type") == "function"]


def _named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}
