"""Reads what a usage handler has counted, for assertions."""

from collections.abc import Sequence
from typing import Any

from langchain_qwen_workspace.usage import UsageRow, WorkspaceUsageCallbackHandler

_CALL_COUNTS = ("calls", "failed_calls", "interrupted_calls", "unknown_calls", "cached_answers", "open_calls")


def only_row(usage: WorkspaceUsageCallbackHandler) -> UsageRow:
    """Return the handler's row, and check that it has no other."""
    (row,) = usage.rows()
    return row


def call_counts(row: UsageRow) -> dict[str, int]:
    """Return a row's numbers of calls that are not zero."""
    return {name: getattr(row, name) for name in _CALL_COUNTS if getattr(row, name)}


def token_counts(row: UsageRow) -> tuple[int, int, int]:
    """Return a row's input, output and total tokens."""
    return row.input_tokens, row.output_tokens, row.total_tokens


def reported_tokens(messages: Sequence[Any]) -> tuple[int, int, int]:
    """Return the sums of the input, output and total tokens in the `usage_metadata` of messages."""
    known = [message.usage_metadata for message in messages if getattr(message, "usage_metadata", None)]
    return (
        sum(usage["input_tokens"] for usage in known),
        sum(usage["output_tokens"] for usage in known),
        sum(usage["total_tokens"] for usage in known),
    )
