"""What the service keeps of a workspace: responses, for 7 days, and conversations."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_qwen_workspace.sandbox._chat.responses_errors import NotFound
from langchain_qwen_workspace.sandbox._chat.responses_input import Item


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response that later requests can refer to.

    Attributes:
        body: The response.
        context: The items that the model read, oldest first.
        output: The items that it wrote.
        previous_id: The response that it continued.
        cached_tokens: The tokens in the session cache after it.
    """

    body: Mapping[str, Any]
    context: tuple[Item, ...]
    output: tuple[Item, ...]
    previous_id: str | None = None
    cached_tokens: int = 0


@dataclass(slots=True)
class Conversation:
    """A conversation; `created_at` is in milliseconds, unlike a response's (docs, 2026-08-20)."""

    items: list[Item]
    metadata: Mapping[str, str]
    id: str = field(default_factory=lambda: f"conv_{uuid.uuid4()}")
    created_at: int = field(default_factory=lambda: int(time.time() * 1000))
    cached_tokens: int = 0


class ResponseStore:
    """The responses and conversations of one workspace."""

    def __init__(self) -> None:
        self._responses: dict[str, StoredResponse] = {}
        self._conversations: dict[str, Conversation] = {}

    def add(self, response: StoredResponse) -> None:
        """Keep a response."""
        self._responses[response.body["id"]] = response

    def find(self, response_id: str) -> StoredResponse | None:
        """Return a response, or None if there is none with that id, or it has expired."""
        return self._responses.get(response_id)

    def get(self, response_id: str) -> StoredResponse:
        """Return a response.

        Raises:
            Refusal: If there is none with that id, or it has expired.
        """
        response = self.find(response_id)
        if response is None:
            raise NotFound(f"Response with id '{response_id}' not found.")
        return response

    def delete(self, response_id: str) -> None:
        """Delete a response.

        Raises:
            Refusal: If there is none with that id, or it has expired.
        """
        self.get(response_id)
        self._responses.pop(response_id, None)

    def expire(self) -> list[str]:
        """Let every response expire, as after 7 days, and return their ids, oldest first."""
        expired = list(self._responses)
        self._responses.clear()
        return expired

    def add_conversation(self, conversation: Conversation) -> None:
        """Keep a conversation."""
        self._conversations[conversation.id] = conversation

    def find_conversation(self, conversation_id: str) -> Conversation | None:
        """Return a conversation, or None if there is none with that id."""
        return self._conversations.get(conversation_id)

    def get_conversation(self, conversation_id: str) -> Conversation:
        """Return a conversation.

        Raises:
            Refusal: If there is none with that id.
        """
        conversation = self.find_conversation(conversation_id)
        if conversation is None:
            raise NotFound(f"Conversation with id '{conversation_id}' not found.")
        return conversation

    def delete_conversation(self, conversation_id: str) -> None:
        """Delete a conversation.

        Raises:
            Refusal: If there is none with that id.
        """
        self.get_conversation(conversation_id)
        self._conversations.pop(conversation_id, None)
