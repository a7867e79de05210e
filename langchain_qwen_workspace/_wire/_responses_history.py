"""Decides which messages a call sends if the service has the earlier ones, by the id of a response or conversation."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from langchain_core.messages import AIMessage, BaseMessage

from langchain_qwen_workspace._seam import ChatCall, Json

STORED, CONVERSATION = "store", "conversation"
"""The keys of an answer's metadata that say whether the service keeps it, and in which conversation."""


def ids_and_messages(parameters: Json, call: ChatCall) -> tuple[Json, Sequence[BaseMessage]]:
    """Return the ids of what the service has of a conversation, and the messages that it does not have.

    Args:
        parameters: The call's parameters.
        call: The call.
    """
    messages = call.messages
    if conversation := parameters.get(CONVERSATION):
        return {}, _after(messages, lambda answer: answer.response_metadata.get(CONVERSATION) == conversation)
    if given := parameters.get("previous_response_id"):
        new = _after(messages, lambda answer: answer.response_metadata.get("id") == given)
        return {"previous_response_id": given}, new
    if parameters.get("use_previous_response_id") and (answer := _last_answer(messages)):
        new = _after(messages, lambda other: other is answer)
        if new is not messages and (id_ := _usable_id(answer, call)):
            return {"previous_response_id": id_}, new
    return {}, messages


def is_known_to_user_only(parameters: Json) -> bool:
    """Return whether the user gave an id, so that only the user knows what the service has."""
    return bool(parameters.get("previous_response_id") or parameters.get(CONVERSATION))


def _last_answer(messages: Sequence[BaseMessage]) -> AIMessage | None:
    return next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)


def _usable_id(answer: AIMessage, call: ChatCall) -> str | None:
    """Return the id of an answer, if the destination of the call made it and keeps it."""
    metadata = answer.response_metadata
    is_from_here = all(metadata.get(name) == value for name, value in asdict(call.destination).items())
    id_ = metadata.get("id")
    return id_ if is_from_here and metadata.get(STORED) is not False and isinstance(id_, str) else None


def _after(messages: Sequence[BaseMessage], is_known: Callable[[AIMessage], bool]) -> Sequence[BaseMessage]:
    """Return the messages after the last answer that the service has; all of them if nothing follows it."""
    for position in range(len(messages) - 1, -1, -1):
        message = messages[position]
        if isinstance(message, AIMessage) and is_known(message):
            return messages[position + 1 :] or messages
    return messages
