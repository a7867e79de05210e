"""Qwen in LangChain, through an Alibaba Cloud Model Studio workspace, over both of its protocols."""

from langchain_qwen_workspace import _translator
from langchain_qwen_workspace._register import register
from langchain_qwen_workspace._types import SparseVector
from langchain_qwen_workspace._version import __version__
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

_translator.register()

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
