"""Qwen in LangChain, through an Alibaba Cloud Model Studio workspace, over all of its protocols.

A name is imported when it is first used, so that who needs little of the package waits for little: a command, or
pytest, which loads the sandbox's plugin in every run.
"""

import importlib
import typing

from langchain_qwen_workspace._version import __version__

if typing.TYPE_CHECKING:
    from langchain_qwen_workspace._register import register
    from langchain_qwen_workspace._seam import SparseVector
    from langchain_qwen_workspace.batch_jobs import BatchResult, BatchResults, BatchStatus, QwenWorkspaceBatch
    from langchain_qwen_workspace.chat_models import ChatQwenWorkspace
    from langchain_qwen_workspace.embeddings import HybridVector, QwenWorkspaceEmbeddings
    from langchain_qwen_workspace.errors import (
        APIConnectionError,
        APITimeoutError,
        AuthenticationError,
        BillingError,
        ConfigurationError,
        ContentFilterError,
        ContextLengthError,
        InvalidRequestError,
        InvalidResponseError,
        MissingApiKeyError,
        NotFoundError,
        PartialEmbeddings,
        PermissionDeniedError,
        QwenWorkspaceError,
        RateLimitError,
        ServerError,
        StreamInterruptedError,
        StructuredOutputError,
        UnsupportedInputError,
    )
    from langchain_qwen_workspace.guard import WorkspaceGuard
    from langchain_qwen_workspace.rerank import QwenWorkspaceRerank
    from langchain_qwen_workspace.routing import WorkspaceRouter
    from langchain_qwen_workspace.usage import PriceTable, WorkspaceUsageCallbackHandler, get_workspace_usage_callback
    from langchain_qwen_workspace.workspace import QwenWorkspace

__all__ = [
    "APIConnectionError",
    "APITimeoutError",
    "AuthenticationError",
    "BatchResult",
    "BatchResults",
    "BatchStatus",
    "BillingError",
    "ChatQwenWorkspace",
    "ConfigurationError",
    "ContentFilterError",
    "ContextLengthError",
    "HybridVector",
    "InvalidRequestError",
    "InvalidResponseError",
    "MissingApiKeyError",
    "NotFoundError",
    "PartialEmbeddings",
    "PermissionDeniedError",
    "PriceTable",
    "QwenWorkspace",
    "QwenWorkspaceBatch",
    "QwenWorkspaceEmbeddings",
    "QwenWorkspaceError",
    "QwenWorkspaceRerank",
    "RateLimitError",
    "ServerError",
    "SparseVector",
    "StreamInterruptedError",
    "StructuredOutputError",
    "UnsupportedInputError",
    "WorkspaceGuard",
    "WorkspaceRouter",
    "WorkspaceUsageCallbackHandler",
    "__version__",
    "get_workspace_usage_callback",
    "register",
]

_MODULES = {
    "_register": ("register",),
    "_seam": ("SparseVector",),
    "batch_jobs": ("BatchResult", "BatchResults", "BatchStatus", "QwenWorkspaceBatch"),
    "chat_models": ("ChatQwenWorkspace",),
    "embeddings": ("HybridVector", "QwenWorkspaceEmbeddings"),
    "errors": (
        "APIConnectionError",
        "APITimeoutError",
        "AuthenticationError",
        "BillingError",
        "ConfigurationError",
        "ContentFilterError",
        "ContextLengthError",
        "InvalidRequestError",
        "InvalidResponseError",
        "MissingApiKeyError",
        "NotFoundError",
        "PartialEmbeddings",
        "PermissionDeniedError",
        "QwenWorkspaceError",
        "RateLimitError",
        "ServerError",
        "StreamInterruptedError",
        "StructuredOutputError",
        "UnsupportedInputError",
    ),
    "guard": ("WorkspaceGuard",),
    "rerank": ("QwenWorkspaceRerank",),
    "routing": ("WorkspaceRouter",),
    "usage": ("PriceTable", "WorkspaceUsageCallbackHandler", "get_workspace_usage_callback"),
    "workspace": ("QwenWorkspace",),
}


def __getattr__(name: str) -> typing.Any:
    module = next((module for module, names in _MODULES.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Registers the translation to content blocks: messages of a checkpoint need it, even if this process has no model.
    importlib.import_module(f"{__name__}._chat.content_blocks")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
