"""Reports the usage of embeddings, rerankings and batches to LangChain's callbacks, by a custom event.

A handler's `on_custom_event(name, data, run_id=…)` gets one event named `qwen_workspace_usage` for each request: the
data of `usage_event` if it was answered, of `failure_event` if it failed after all retries. Handlers come from the
component's `callbacks`, from the run around it (a chain that calls the component) and from LangChain's context
variables.
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager, Callbacks
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables.config import ensure_config

from langchain_qwen_workspace._seam import Destination
from langchain_qwen_workspace._usage.records import Operation
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    QwenWorkspaceError,
)

USAGE_EVENT = "qwen_workspace_usage"
"""The event's name."""

_FIRST_ERROR_STATUS = 400
# After these errors the service may have counted tokens, unless it answered with an error status.
_MAY_HAVE_USED_TOKENS = (APIConnectionError, APITimeoutError, InvalidResponseError)


def usage_event(
    operation: Operation,
    model: str,
    destination: Destination | QwenWorkspaceError,
    usage: UsageMetadata | None,
    request_id: str | None,
    *,
    batch_line: str | None = None,
) -> Mapping[str, Any]:
    """Return the event data of a request that was answered.

    Args:
        operation: `"embedding"` or `"rerank"`; in a batch also `"chat"`.
        model: The model that was called.
        destination: Which protocol, region and workspace served the request, or an error with these fields.
        usage: The tokens, as LangChain's usage metadata; `None` if the service did not report them, which is not zero.
        request_id: The service's request id.
        batch_line: For a request of the Batch API, its batch and its id in it, so that it counts once however often its
            result is read.
    """
    return {
        "operation": operation,
        "model": model,
        "protocol": destination.protocol,
        "region": destination.region,
        "workspace_id": destination.workspace_id,
        "request_id": request_id,
        "usage_metadata": usage,
        **({"batch_line": batch_line} if batch_line is not None else {}),
    }


def failure_event(
    operation: Operation,
    model: str,
    destination: Destination,
    error: BaseException,
    *,
    batch_line: str | None = None,
) -> Mapping[str, Any]:
    """Return the event data of a request that failed after all retries, or was interrupted.

    Its `failed` is true, `error` is the name of the error's class, and `usage_metadata` is `None`: what the service
    had counted by then is not known, unless `free` is true, which means that nothing was used. `interrupted` is true
    if the caller cancelled the request.

    Args:
        operation: `"embedding"` or `"rerank"`.
        model: The model that was called.
        destination: Which protocol, region and workspace was called. If the error names one, that one is taken: with a
            router it is the workspace that failed last.
        error: Why the request failed.
        batch_line: As for `usage_event`.
    """
    called: Destination | QwenWorkspaceError = destination
    request_id = None
    if isinstance(error, QwenWorkspaceError):
        called = error if error.protocol is not None else destination
        request_id = error.request_id
    return {
        **usage_event(operation, model, called, None, request_id, batch_line=batch_line),
        "failed": True,
        "error": type(error).__name__,
        "free": is_free(error),
        # `except Exception` does not catch a cancellation: the caller stopped waiting, the request did not fail.
        "interrupted": not isinstance(error, Exception),
    }


def is_free(error: BaseException) -> bool:
    """Return whether an error means that nothing was used: the service refused the call, or it was never sent."""
    if not isinstance(error, QwenWorkspaceError):
        return False
    return not isinstance(error, _MAY_HAVE_USED_TOKENS) or (error.status_code or 0) >= _FIRST_ERROR_STATUS


def manager_for(own: Callbacks, given: Callbacks = None) -> CallbackManager:
    """Return the callback manager of a synchronous call.

    Args:
        own: The component's handlers.
        given: The callbacks of the run around it, if LangChain passes them. Default: those of the context's config.
    """
    return CallbackManager.configure(given or ensure_config().get("callbacks"), own)


def amanager_for(own: Callbacks, given: Callbacks = None) -> AsyncCallbackManager:
    """Return the callback manager of an asynchronous call; the arguments are those of `manager_for`."""
    return AsyncCallbackManager.configure(given or ensure_config().get("callbacks"), own)
