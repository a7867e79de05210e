"""Decides which messages a call sends if the service has the earlier ones, by the id of a response or conversation."""

from collections.abc import Sequence
from dataclasses import asdict

from langchain_core.messages import AIMessage, BaseMessage

from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace.errors import UnsupportedInputError

STORED, CONVERSATION = "store", "conversation"
"""The keys of an answer's metadata that say whether the service keeps it, and in which conversation."""


def ids_and_messages(parameters: Json, call: ChatCall) -> tuple[Json, Sequence[BaseMessage]]:
    """Return the ids of what the service has of a conversation, and the messages that it does not have.

    Args:
        parameters: The call's parameters.
        call: The call.

    Raises:
        UnsupportedInputError: The messages show that the destination does not have what an id of the user names.
    """
    messages = call.messages
    for name, key in ((CONVERSATION, CONVERSATION), ("previous_response_id", "id")):
        if given := parameters.get(name):
            known = [m for m in messages if isinstance(m, AIMessage) and m.response_metadata.get(key) == given]
            _check_is_here(known, name, call)
            # The conversation is among the parameters that are sent as they are.
            ids = {} if name == CONVERSATION else {name: given}
            return ids, _after(messages, known)
    if parameters.get("use_previous_response_id") and (answer := _last_answer(messages)):
        new = _after(messages, [answer])
        if new is not messages and (id_ := _usable_id(answer, call)):
            return {"previous_response_id": id_}, new
    return {}, messages


def is_known_to_user_only(parameters: Json) -> bool:
    """Return whether the user gave an id, so that only the user knows what the service has."""
    return bool(parameters.get("previous_response_id") or parameters.get(CONVERSATION))


def _check_is_here(answers: Sequence[AIMessage], name: str, call: ChatCall) -> None:
    """Check that the destination of a call made the answers that an id of the user names, and stores them."""
    here = asdict(call.destination)
    for metadata in (answer.response_metadata for answer in answers):
        if differing := [part for part in here if part in metadata and metadata[part] != here[part]]:
            made, called = (", ".join(f"{part} {where[part]!r}" for part in differing) for where in (metadata, here))
            raise UnsupportedInputError(
                f"`{name}` is that of an answer from {made}, but this call goes to {called}, which does not have it. "
                "Call the same workspace, or leave the id out, so that the whole conversation is sent.",
                model=call.model,
            )
        if name != CONVERSATION and metadata.get(STORED) is False:
            raise UnsupportedInputError(
                f"`{name}` is that of an answer that was made with `store=False`, so that the service does not have "
                "it. Leave the id out, so that the whole conversation is sent.",
                model=call.model,
            )


def _last_answer(messages: Sequence[BaseMessage]) -> AIMessage | None:
    return next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)


def _usable_id(answer: AIMessage, call: ChatCall) -> str | None:
    """Return the id of an answer, if the destination of the call made it and keeps it."""
    metadata = answer.response_metadata
    is_from_here = all(metadata.get(name) == value for name, value in asdict(call.destination).items())
    id_ = metadata.get("id")
    return id_ if is_from_here and metadata.get(STORED) is not False and isinstance(id_, str) else None


def _after(messages: Sequence[BaseMessage], known: Sequence[AIMessage]) -> Sequence[BaseMessage]:
    """Return the messages after the last of the answers that the service has; all of them if nothing follows it."""
    for position in range(len(messages) - 1, -1, -1):
        if any(messages[position] is answer for answer in known):
            return messages[position + 1 :] or messages
    return messages
