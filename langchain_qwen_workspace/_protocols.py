"""The registry: which wires and which transport a protocol's name stands for. A protocol is a row here."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Annotated, Any

from pydantic import BeforeValidator

from langchain_qwen_workspace._transports._connection import Connection
from langchain_qwen_workspace._types import ChatWire, EmbeddingWire, Origin, ProtocolName, Transport
from langchain_qwen_workspace._wire import dashscope_chat, openai_chat
from langchain_qwen_workspace._wire.embeddings import DashScopeEmbeddingWire, OpenAIEmbeddingWire
from langchain_qwen_workspace.workspace import QwenWorkspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolRow:
    """One protocol.

    Attributes:
        chat: How it speaks about chat.
        embeddings: How it speaks about text embeddings.
        transport: How its bytes travel, as `module:class`; its SDK is imported when it is first used.
    """

    chat: ChatWire
    embeddings: EmbeddingWire
    transport: str


PROTOCOLS: dict[ProtocolName, ProtocolRow] = {
    "openai": ProtocolRow(
        chat=openai_chat,
        embeddings=OpenAIEmbeddingWire(),
        transport="langchain_qwen_workspace._transports.openai:OpenAITransport",
    ),
    "dashscope": ProtocolRow(
        chat=dashscope_chat,
        embeddings=DashScopeEmbeddingWire(),
        transport="langchain_qwen_workspace._transports.dashscope:DashScopeTransport",
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
    origin = Origin(protocol, workspace.region, workspace.workspace_id)
    connection = Connection(
        base_url=workspace.base_url_for(protocol),
        api_key=workspace.key_for(origin),
        origin=origin,
        timeout=timeout,
        max_retries=max_retries,
        headers=headers,
        http_client=http_client,
        http_async_client=http_async_client,
    )
    module, _, name = PROTOCOLS[protocol].transport.partition(":")
    transport: Transport = getattr(import_module(module), name)(connection)
    return transport
