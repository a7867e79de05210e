"""Who is told what embeddings and rankings used: LangChain's callbacks, as a custom event, since it has no other place.

A handler's `on_custom_event(name, data, run_id=…)` gets one event named `qwen_workspace_usage` for each request: the
data of `usage_event` if it was answered, of `failure_event` if it failed for good. Handlers come from the component's
`callbacks`, from the run around it (a chain that the component is called in) and from LangChain's context variables.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager, Callbacks
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables.config import ensure_config

from langchain_qwen_workspace._seam import Destination
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    QwenWorkspaceError,
)

USAGE_EVENT = "qwen_workspace_usage"
"""The event's name."""

_REFUSED = 400
# Errors by which nobody knows how far the service came, unless it said a status.
_UNTOLD = (APIConnectionError, APITimeoutError, InvalidResponseError)

Operation: TypeAlias = Literal["embedding", "rerank"]


def usage_event(
    operation: Operation,
    model: str,
    destination: Destination | QwenWorkspaceError,
    usage: UsageMetadata | None,
    request_id: str | None,
) -> Mapping[str, Any]:
    """Return the data of the event of a request that was answered.

    Args:
        operation: What was done.
        model: The model that did it.
        destination: Who was called, or an error that says it.
        usage: The tokens, in LangChain's words; `None` if the service did not say, which is not zero.
        request_id: The request's id.
    """
    return {
        "operation": operation,
        "model": model,
        "protocol": destination.protocol,
        "region": destination.region,
        "workspace_id": destination.workspace_id,
        "request_id": request_id,
        "usage_metadata": usage,
    }


def failure_event(
    operation: Operation, model: str, destination: Destination, error: BaseException
) -> Mapping[str, Any]:
    """Return the data of the event of a request that failed for good, or was broken off.

    It has `failed`, which is true, `error`, the name of the error's class, and no `usage_metadata`: what the service
    had counted by then, nobody knows, unless `free` says that it was nothing. `interrupted` says that it was given up.

    Args:
        operation: What was to be done.
        model: The model that was to do it.
        destination: Who was called, unless the error says it: of the workspaces of a router only that one failed last.
        error: Why it failed.
    """
    told = error if isinstance(error, QwenWorkspaceError) else None
    called = told if told is not None and told.region is not None else destination
    request_id = told.request_id if told is not None else None
    return {
        **usage_event(operation, model, called, None, request_id),
        "failed": True,
        "error": type(error).__name__,
        "free": is_free(error),
        # What no handler of errors may catch is no failure: the caller stopped to wait.
        "interrupted": not isinstance(error, Exception),
    }


def is_free(error: BaseException) -> bool:
    """Say whether an error tells that nothing was used: the service refused the call, or it was never sent."""
    if not isinstance(error, QwenWorkspaceError):
        return False
    return not isinstance(error, _UNTOLD) or (error.status_code or 0) >= _REFUSED


def manager_for(own: Callbacks, given: Callbacks = None) -> CallbackManager:
    """Return those who are told of what happens in a synchronous call.

    Args:
        own: The component's handlers.
        given: The handlers of the run around it, where LangChain hands them over; else those of its context are taken.
    """
    return CallbackManager.configure(given or ensure_config().get("callbacks"), own)


def amanager_for(own: Callbacks, given: Callbacks = None) -> AsyncCallbackManager:
    """Return those who are told of what happens in an asynchronous call, like `manager_for`."""
    return AsyncCallbackManager.configure(given or ensure_config().get("callbacks"), own)
