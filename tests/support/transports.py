"""Finds the transport at the bottom of those that a component wraps around it."""

from typing import Any

from langchain_qwen_workspace._transports._http import HTTPTransport
from langchain_qwen_workspace._transports.deferred import DeferredTransport


def http_transport_of(component: Any) -> HTTPTransport[Any, Any]:
    """Return the transport by which a component sends its requests to its workspace."""
    transport: Any = component._bare_transport(component.resolved_workspace())
    while not isinstance(transport, HTTPTransport):
        transport = transport._load() if isinstance(transport, DeferredTransport) else transport._transport
    return transport
