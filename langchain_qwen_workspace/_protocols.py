"""The registry: which wires and which transport a protocol's name stands for. A protocol is a row here."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Annotated, Any

from pydantic import BeforeValidator

from langchain_qwen_workspace._seam import ChatWire, Destination, EmbeddingWire, ProtocolName, RerankWire, Transport
from langchain_qwen_workspace._transports.connection import Connection
from langchain_qwen_workspace._transports.key_renewal import KeyRenewalFilesTransport, KeyRenewalTransport
from langchain_qwen_workspace._wire import dashscope_chat, openai_chat
from langchain_qwen_workspace._wire.embeddings import DashScopeEmbeddingWire, OpenAIEmbeddingWire
from langchain_qwen_workspace._wire.rerank import DashScopeRerankWire, OpenAIRerankWire
from langchain_qwen_workspace._workspace.endpoints import Service
from langchain_qwen_workspace._workspace.keys import KeyProvider
from langchain_qwen_workspace.workspace import QwenWorkspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolRow:
    """One protocol.

    Attributes:
        chat: How it speaks about chat.
        embeddings: How it speaks about embeddings.
        rerank: How it speaks about ranking.
        transport: How its bytes travel, as `module:class`; its SDK is imported when it is first used.
        files: The same where files and batches travel too; `None` where the protocol has no batches.
    """

    chat: ChatWire
    embeddings: EmbeddingWire
    rerank: RerankWire
    transport: str
    files: str | None


PROTOCOLS: dict[ProtocolName, ProtocolRow] = {
    "openai": ProtocolRow(
        chat=openai_chat,
        embeddings=OpenAIEmbeddingWire(),
        rerank=OpenAIRerankWire(),
        transport="langchain_qwen_workspace._transports.openai:OpenAITransport",
        files="langchain_qwen_workspace._transports.openai_files:OpenAIFilesTransport",
    ),
    "dashscope": ProtocolRow(
        chat=dashscope_chat,
        embeddings=DashScopeEmbeddingWire(),
        rerank=DashScopeRerankWire(),
        transport="langchain_qwen_workspace._transports.dashscope:DashScopeTransport",
        files=None,
    ),
}

# dashscope 2 calls its own protocol "native" (`Client(protocol="native")`).
_OTHER_NAMES = {"native": "dashscope"}


def protocol_name(name: Any) -> Any:
    """Return the name under which a protocol is registered."""
    return _OTHER_NAMES.get(name, name) if isinstance(name, str) else name


ProtocolField = Annotated[ProtocolName, BeforeValidator(protocol_name)]


@lru_cache(maxsize=256)
def transport_for(
    protocol: ProtocolName,
    workspace: QwenWorkspace,
    service: Service = "models",
    *,
    timeout: float,
    max_retries: int,
    headers: tuple[tuple[str, str], ...] = (),
    http_client: Any = None,
    http_async_client: Any = None,
) -> Transport:
    """Return the transport of a connection, the same for equal ones, so that models share pools and copies are right.

    The cache is bounded: a transport that nobody uses any more is closed.

    Raises:
        MissingApiKeyError: The workspace has no key.
        ConfigurationError: The workspace's `base_url` is another protocol's.
    """
    destination = Destination(protocol, workspace.region, workspace.workspace_id)
    connection = Connection(
        base_url=workspace.base_url_for(protocol, service),
        api_key=workspace.key_for(destination),
        destination=destination,
        timeout=timeout,
        max_retries=max_retries,
        headers=headers,
        http_client=http_client,
        http_async_client=http_async_client,
    )
    row = PROTOCOLS[protocol]
    module, _, name = (row.files or row.transport if service == "files" else row.transport).partition(":")
    transport: Transport = getattr(import_module(module), name)(connection)
    if isinstance(workspace.api_key, KeyProvider):
        renewing = KeyRenewalFilesTransport if service == "files" else KeyRenewalTransport
        return renewing(transport, workspace.api_key, workspace.check_key)
    return transport
