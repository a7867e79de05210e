"""The registry: which wires, transport and paths a protocol's name stands for. A protocol is one row here."""

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from importlib import import_module
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import PlainValidator

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import ChatWire, EmbeddingWire, RerankWire, Transport
from langchain_qwen_workspace._suggestions import did_you_mean
from langchain_qwen_workspace._transports.connection import Connection
from langchain_qwen_workspace._transports.deferred import DeferredTransport
from langchain_qwen_workspace._transports.key_renewal import KeyRenewalTransport
from langchain_qwen_workspace._transports.other_endpoint import OtherEndpointTransport
from langchain_qwen_workspace._transports.retrying import RetryingTransport
from langchain_qwen_workspace._transports.whole_conversation import WholeConversationTransport
from langchain_qwen_workspace._wire import dashscope_chat, openai_chat, responses
from langchain_qwen_workspace._wire.embeddings import DashScopeEmbeddingWire, OpenAIEmbeddingWire
from langchain_qwen_workspace._wire.rerank import DashScopeRerankWire, OpenAIRerankWire
from langchain_qwen_workspace._workspace.endpoints import Service
from langchain_qwen_workspace.data._responses import ALLOWED_TOOLS, MIN_OUTPUT_TOKENS, SERVER_TOOLS
from langchain_qwen_workspace.data._row import Kind, ToolChoice
from langchain_qwen_workspace.data._servers import OtherServer
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProtocolRow:
    """One protocol. A part that it lacks is `None`; a call that needs the part raises an error that names it.

    Attributes:
        chat: Its wire for chat.
        transport: The class that carries its requests, as `module:class`; the SDK behind it is imported at first use.
        base_paths: The path of each service below a host. Two protocols may share a path.
        embeddings: Its wire for embeddings.
        rerank: Its wire for ranking.
        files: Like `transport`, for files and the Batch API.
        has_two_endpoints: Whether a chat model is served by one of two endpoints.
        is_spoken_by_others: Whether servers other than Model Studio have it.
        keeps_conversations: Whether the service can keep a conversation, which later requests name by an id.
        server_tools: The types of the tools that the service runs itself, and of the objects that choose among tools.
        has_response_format: Whether the service can be asked for JSON, rather than for a call of a tool.
        requires_only_named_tools: Whether only the call of a named tool can be forced, whichever the model.
        min_output_tokens: The least limit of an answer's tokens that can be given.
        full_support: The field of a profile that says whether the service documents the model fully; `None` if all are.
        aliases: Other names by which users may call it.
    """

    chat: ChatWire
    transport: str
    base_paths: Mapping[Service, str]
    embeddings: EmbeddingWire | None = None
    rerank: RerankWire | None = None
    files: str | None = None
    has_two_endpoints: bool = False
    is_spoken_by_others: bool = False
    keeps_conversations: bool = False
    server_tools: Collection[str] = ()
    has_response_format: bool = True
    requires_only_named_tools: bool = False
    min_output_tokens: int = 1
    full_support: str | None = None
    aliases: tuple[str, ...] = ()


# Paths: the same below every host (Model Studio docs, base URL overview, 2026-10-11). The OpenAI-compatible protocol
# ranks documents under a path of its own (Model Studio docs, text rerank, 2026-07-01).
PROTOCOLS: dict[str, ProtocolRow] = {
    "openai": ProtocolRow(
        chat=openai_chat,
        transport="langchain_qwen_workspace._transports.openai:OpenAITransport",
        base_paths={
            "models": "/compatible-mode/v1",
            "rerank": "/compatible-api/v1",
            "files": "/compatible-mode/v1",
        },
        embeddings=OpenAIEmbeddingWire(),
        rerank=OpenAIRerankWire(),
        files="langchain_qwen_workspace._transports.openai_files:OpenAIFilesTransport",
        is_spoken_by_others=True,
    ),
    "dashscope": ProtocolRow(
        chat=dashscope_chat,
        transport="langchain_qwen_workspace._transports.dashscope:DashScopeTransport",
        base_paths={"models": "/api/v1", "rerank": "/api/v1", "files": "/api/v1"},
        embeddings=DashScopeEmbeddingWire(),
        rerank=DashScopeRerankWire(),
        has_two_endpoints=True,
        aliases=("native",),  # dashscope 2's own name for it: `Client(protocol="native")`.
    ),
    "responses": ProtocolRow(
        chat=responses,
        transport="langchain_qwen_workspace._transports.openai:OpenAITransport",
        base_paths={"models": "/compatible-mode/v1"},
        keeps_conversations=True,
        server_tools={*SERVER_TOOLS, ALLOWED_TOOLS},
        # `text.format` is not documented, and ignored without a sign (Model Studio docs, 2026-10-23).
        has_response_format=False,
        requires_only_named_tools=True,
        min_output_tokens=MIN_OUTPUT_TOKENS,
        full_support="responses_api",
    ),
}

DEFAULT_PROTOCOL: Final[ProtocolName] = "openai"
"""The protocol of components that name none."""

MANAGEMENT_PROTOCOL: Final[ProtocolName] = "dashscope"
"""The protocol that serves the lists of permitted models and limits (Model Studio docs, 2026-09-28)."""


def protocol_name(name: Any) -> Any:
    """Return the name under which a protocol is registered, for that name or an alias.

    Raises:
        ConfigurationError: No such protocol is registered.
    """
    if name in PROTOCOLS:
        return name
    for registered, row in PROTOCOLS.items():
        if name in row.aliases:
            return registered
    meant = did_you_mean(name, [*PROTOCOLS, *(alias for row in PROTOCOLS.values() for alias in row.aliases)])
    raise ConfigurationError(f"`protocol` is {name!r:.80}.{meant} Expected one of {', '.join(map(repr, PROTOCOLS))}.")


ProtocolField = Annotated[ProtocolName, PlainValidator(protocol_name, json_schema_input_type=ProtocolName)]


def base_paths() -> Mapping[str, Mapping[Service, str]]:
    """Return the base paths of every registered protocol."""
    return _base_paths_of(*PROTOCOLS.items())


def service_paths() -> tuple[str, ...]:
    """Return the paths of Model Studio's base URLs, of every protocol and service."""
    return _paths_of(*PROTOCOLS.values())


# The rows are arguments of the cached functions, since a program may register another protocol.
@cache
def _base_paths_of(*protocols: tuple[str, ProtocolRow]) -> Mapping[str, Mapping[Service, str]]:
    return MappingProxyType({name: row.base_paths for name, row in protocols})


@cache
def _paths_of(*rows: ProtocolRow) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for row in rows for path in row.base_paths.values()))


_SERVICES_OF_OTHERS: Mapping[Service, str] = {"rerank": "reranking", "files": "Batch API"}


def check_serves_others(protocol: str, service: Service, server: OtherServer, base_url: str) -> None:
    """Raise if another server than Model Studio has not a protocol or a service of it.

    Its chat and embeddings are those of OpenAI's API. Rerankings have no API that these servers share, and of those
    that they have none is Model Studio's.

    Raises:
        ConfigurationError: It has not.
    """
    if PROTOCOLS[protocol].is_spoken_by_others and service not in _SERVICES_OF_OTHERS:
        return
    spoken = [name for name, row in PROTOCOLS.items() if row.is_spoken_by_others]
    what, instead = (
        (f"no {_SERVICES_OF_OTHERS[service]}", "use Model Studio's")
        if PROTOCOLS[protocol].is_spoken_by_others
        else (f'no `protocol="{protocol}"`', f"use {_join_names(spoken)}")
    )
    raise ConfigurationError(
        f'`base_url` {base_url!r} is that of another server than Model Studio (`server="{server.name}"`), which has '
        f"{what} here: {instead}. If it is a gateway to Model Studio, pass its `workspace_id` or "
        '`server="model_studio"`.'
    )


def chat_wire(protocol: str) -> ChatWire:
    """Return a protocol's wire for chat."""
    return PROTOCOLS[protocol].chat


def embedding_wire(protocol: str) -> EmbeddingWire:
    """Return a protocol's wire for embeddings.

    Raises:
        ConfigurationError: The protocol has no embeddings.
    """
    wire: EmbeddingWire = _require(protocol, "embeddings", "embeddings")
    return wire


def rerank_wire(protocol: str) -> RerankWire:
    """Return a protocol's wire for ranking.

    Raises:
        ConfigurationError: The protocol has no reranking.
    """
    wire: RerankWire = _require(protocol, "rerank", "reranking")
    return wire


def check_has_files(protocol: str) -> None:
    """Raise if a protocol has no files, and so no Batch API.

    Raises:
        ConfigurationError: It has none; the error names the protocols that do.
    """
    _require(protocol, "files", "Batch API")


@lru_cache(maxsize=256)
def transport_for(protocol: str, connection: Connection, service: Service = "models") -> Transport:
    """Return the transport of a connection, the same one for equal connections.

    The cache is bounded; a transport that leaves it is light, and its clients belong to the process.

    Args:
        protocol: The protocol's name.
        connection: Where to connect, with which key and settings.
        service: `"files"` gives a transport that also carries files.

    Raises:
        ConfigurationError: The protocol has no files.
    """
    if service == "files":
        made: Transport = _make_transport(_require(protocol, "files", "Batch API"), connection)
    else:
        name = PROTOCOLS[protocol].transport
        is_imported = name.partition(":")[0] in sys.modules
        make = partial(_make_transport, name, connection)
        made = make() if is_imported else DeferredTransport(make)
    transport: Transport = RetryingTransport(made, connection)
    if PROTOCOLS[protocol].has_two_endpoints and service == "models":
        transport = OtherEndpointTransport(transport)
    if PROTOCOLS[protocol].keeps_conversations:
        transport = WholeConversationTransport(transport)
    if connection.key_provider is not None:
        transport = KeyRenewalTransport(transport, connection.key_provider, connection.base_url)
    return transport


def _make_transport(name: str, connection: Connection) -> Transport:
    module, _, transport_class = name.partition(":")
    transport: Transport = getattr(import_module(module), transport_class)(connection)
    return transport


def profile_over(protocol: str, profile: Profile) -> Profile:
    """Return the facts about a model as far as a protocol lets them be used."""
    row = PROTOCOLS[protocol]
    if not row.has_response_format:
        profile = replace(profile, json_output="none")
    if row.requires_only_named_tools and "required" in profile.tool_choice:
        choices: frozenset[ToolChoice] = profile.tool_choice - {"required"} | {"function"}
        profile = replace(profile, tool_choice=choices, forced_while_thinking=True)
    return profile


_PARTS_BY_KIND: Mapping[Kind, str] = {"embedding": "embeddings", "rerank": "rerank"}


def is_served_over(protocol: str, profile: Profile) -> bool:
    """Return whether a model can be called over a protocol, as far as is known; some with basic support only."""
    part = _PARTS_BY_KIND.get(profile.kind or "chat", "chat")
    return getattr(PROTOCOLS[protocol], part) is not None and profile.is_served_over(protocol)


def documented_protocols(profile: Profile) -> list[str]:
    """Return the protocols over which the service fully documents a model."""
    served = {name: row for name, row in PROTOCOLS.items() if is_served_over(name, profile)}
    return [
        name
        for name, row in served.items()
        if row.full_support is None or getattr(profile, row.full_support) is not False
    ]


def lacking_server_tools(protocol: str, tools: Iterable[Any]) -> Mapping[str, str]:
    """Return the tools that the service runs itself on other protocols only, and in words the protocols that have them.

    Args:
        protocol: The protocol's name.
        tools: Tools in any form; those that are not a dict with a `type` are not the service's.
    """
    types = [tool["type"] for tool in tools if isinstance(tool, Mapping) and isinstance(tool.get("type"), str)]
    having = {type_: [name for name, row in PROTOCOLS.items() if type_ in row.server_tools] for type_ in types}
    return {type_: _join_names(names) for type_, names in having.items() if names and protocol not in names}


def _require(protocol: str, part: str, words: str) -> Any:
    found = getattr(PROTOCOLS[protocol], part)
    if found is None:
        having = [name for name, row in PROTOCOLS.items() if getattr(row, part) is not None]
        raise ConfigurationError(f'`protocol="{protocol}"` has no {words}. Use {_join_names(having)}.')
    return found


def _join_names(names: Any) -> str:
    return " or ".join(f'`protocol="{name}"`' for name in names)
