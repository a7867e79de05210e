"""The conversations that responses can belong to: creates, shows, changes and deletes them and their messages.

Shapes and limits: Model Studio docs, conversations page (2026-08-20), for Beijing and Singapore.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_qwen_workspace.sandbox._calls import Call, Reply
from langchain_qwen_workspace.sandbox._chat.responses import Responses, page
from langchain_qwen_workspace.sandbox._chat.responses_errors import NotFound, missing_error, value_error
from langchain_qwen_workspace.sandbox._chat.responses_input import Item, read_items
from langchain_qwen_workspace.sandbox._chat.responses_store import Conversation, ResponseStore
from langchain_qwen_workspace.sandbox._errors import Refusal

_REGIONS = frozenset({"cn-beijing", "ap-southeast-1"})
_MAX_ITEMS = 20
_MAX_PAIRS = 16
_MAX_KEY = 64
_MAX_VALUE = 512


class Conversations:
    """The handlers of `/conversations`.

    Args:
        responses: The responses, which keep the conversations.
    """

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    def create(self, call: Call) -> Reply:
        """Answer `POST /conversations`."""
        conversation = Conversation(list(_read_messages(call.body.get("items"))), _read_metadata(call.body) or {})
        self._store(call).add_conversation(conversation)
        return Reply(_render(conversation))

    def show(self, call: Call) -> Reply:
        """Answer `GET /conversations/{id}`."""
        return Reply(_render(self._find(call)))

    def update(self, call: Call) -> Reply:
        """Answer `POST /conversations/{id}`, which replaces all metadata."""
        conversation = self._find(call)
        metadata = _read_metadata(call.body)
        if metadata is None:
            raise missing_error("metadata")
        conversation.metadata = metadata
        return Reply(_render(conversation))

    def delete(self, call: Call) -> Reply:
        """Answer `DELETE /conversations/{id}`."""
        self._store(call).delete_conversation(call.object_id)
        return Reply({"deleted": True, "id": call.object_id, "object": "conversation.deleted"})

    def add_items(self, call: Call) -> Reply:
        """Answer `POST /conversations/{id}/items`."""
        conversation = self._find(call)
        items = _read_messages(call.body.get("items"))
        if not items:
            raise missing_error("items")
        conversation.items += items
        data = [item.data for item in items]
        return Reply({"data": data, "first_id": data[0]["id"], "last_id": data[-1]["id"], "has_more": False})

    def list_items(self, call: Call) -> Reply:
        """Answer `GET /conversations/{id}/items` with the messages, newest first."""
        messages = [item.data for item in self._find(call).items if item.data["type"] == "message"]
        return Reply(page(call, messages))

    def show_item(self, call: Call) -> Reply:
        """Answer `GET /conversations/{id}/items/{id}`."""
        return Reply(self._find_item(call)[1].data)

    def delete_item(self, call: Call) -> Reply:
        """Answer `DELETE /conversations/{id}/items/{id}`."""
        conversation, item = self._find_item(call)
        conversation.items.remove(item)
        return Reply({"deleted": True, "id": item.data["id"], "object": "conversation.item.deleted"})

    def _store(self, call: Call) -> ResponseStore:
        if call.workspace.region not in _REGIONS:
            raise Refusal(code="NotFound")
        return self._responses.store_of(call.workspace)

    def _find(self, call: Call) -> Conversation:
        return self._store(call).get_conversation(call.object_id.partition("/")[0])

    def _find_item(self, call: Call) -> tuple[Conversation, Item]:
        conversation = self._find(call)
        item_id = call.object_id.partition("/")[2]
        found = [item for item in conversation.items if item.data["id"] == item_id]
        if not found:
            raise NotFound(f"Item with id '{item_id}' not found.")
        return conversation, found[0]


def _render(conversation: Conversation) -> dict[str, Any]:
    return {
        "created_at": conversation.created_at,
        "id": conversation.id,
        "metadata": dict(conversation.metadata),
        "object": "conversation",
    }


def _read_messages(raw: Any) -> tuple[Item, ...]:
    items = read_items([] if raw is None else raw)
    if len(items) > _MAX_ITEMS:
        raise value_error("items", len(items), f"at most {_MAX_ITEMS} messages")
    return items


def _read_metadata(body: Mapping[str, Any]) -> Mapping[str, str] | None:
    metadata = body.get("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping) or len(metadata) > _MAX_PAIRS:
        raise value_error("metadata", metadata, f"an object of at most {_MAX_PAIRS} pairs")
    for key, value in metadata.items():
        if len(key) > _MAX_KEY or not isinstance(value, str) or len(value) > _MAX_VALUE:
            raise value_error("metadata", {key: value}, f"keys of {_MAX_KEY} and texts of {_MAX_VALUE} characters")
    return metadata
