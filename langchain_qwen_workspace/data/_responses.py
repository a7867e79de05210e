"""Dated facts about the Responses API: its built-in tools and its fields.

Source: Model Studio docs, reference of the Responses API, 2026-10-23.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

RESPONSES_AS_OF = date(2026, 10, 23)
"""The date of the reference."""

MIN_OUTPUT_TOKENS = 16
"""The least `max_output_tokens`."""

MAX_STORES = 1
"""How many knowledge bases `file_search` takes."""


class ServerTool(NamedTuple):
    """A tool that the service runs itself.

    Attributes:
        required: The fields of its definition, beside `type`, that must be given.
        optional: Those that may be given.
        needs: The tool without which it does not work.
    """

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    needs: str | None = None


SERVER_TOOLS: Mapping[str, ServerTool] = {
    "web_search": ServerTool(),
    "web_extractor": ServerTool(needs="web_search"),
    "code_interpreter": ServerTool(optional=frozenset({"container"})),
    "web_search_image": ServerTool(),
    "image_search": ServerTool(),
    "file_search": ServerTool(frozenset({"vector_store_ids"})),
    "mcp": ServerTool(
        frozenset({"server_protocol", "server_label", "server_url"}), frozenset({"server_description", "headers"})
    ),
}
"""The built-in tools by their type."""

ALLOWED_TOOLS = "allowed_tools"
"""The type of a `tool_choice` that lists tools."""

CONTENT_FIELDS: Mapping[str, frozenset[str]] = {
    "input_text": frozenset({"text"}),
    "output_text": frozenset({"text"}),
    "input_image": frozenset({"image_url"}),
    "input_audio": frozenset({"format", "audio_url", "data", "use_multichannel"}),
    "input_video": frozenset({"video_url", "fps"}),
    "input_file": frozenset({"file_url", "file_data", "filename"}),
}
"""The fields of each kind of content, beside `type`."""

UNKNOWN_ID = r"\b(response|conversation) with id\b.{0,100}\bnot found\b"
"""A pattern of the errors about an id that the service does not have ("Response with id 'x' not found.")."""
