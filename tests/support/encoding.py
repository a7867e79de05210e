"""Encodes conversations without a server."""

from typing import Any

from langchain_core.messages import BaseMessage

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._seam import ChatCall, Destination, Json, Request
from langchain_qwen_workspace.profiles import profile_of


def encode(
    *messages: BaseMessage,
    model: str = "qwen-plus",
    protocol: ProtocolName = "openai",
    check_capabilities: bool = True,
    **parameters: Any,
) -> Request:
    """Return the request for a conversation."""
    call = ChatCall(
        model=model,
        messages=messages,
        parameters=parameters,
        profile=profile_of(model, enforced=check_capabilities),
        destination=Destination(protocol, "ap-southeast-1", "ws-test"),
    )
    return PROTOCOLS[protocol].chat.encode(call)


def messages_of(*messages: BaseMessage, model: str = "qwen-plus") -> list[Json]:
    """Return a conversation as the openai protocol sends it."""
    return list(encode(*messages, model=model).body["messages"])
