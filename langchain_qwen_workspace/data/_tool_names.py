"""The names of tools that Model Studio accepts."""

MAX_TOOL_NAME_LENGTH = 64
"""Model Studio docs, function calling, 2026-09: letters, digits, `_` and `-`, at most 64 of them."""

# Model Studio docs, error codes, 2026-08-18: "Tool names are not allowed to be [search]".
RESERVED_TOOL_NAMES = frozenset({"search"})
"""Names that Model Studio refuses, though they have the right form."""
