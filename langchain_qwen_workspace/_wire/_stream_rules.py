"""Decides for a transport whether an event of a chat stream begins or completes the answer."""

from dataclasses import dataclass

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS
from langchain_qwen_workspace._wire._message_content import text_of
from langchain_qwen_workspace._wire._whole_answer import FindChoices, read_additional_kwargs, read_finish_reason


@dataclass(frozen=True, slots=True)
class ChatStreamRules:
    """The rules of one protocol's chat streams.

    Attributes:
        find_choices: Finds the choices of an event.
        grace: Seconds to wait for more events after one with a finish reason.
        with_usage: Whether the stream has the token usage, so that a model that ran and wrote nothing is recognised.
    """

    find_choices: FindChoices
    grace: float
    with_usage: bool = True

    def classify(self, event: Json) -> tuple[bool, float | None]:
        """Return whether an event has something of an answer, and the seconds to wait for more if it completes one."""
        grace = None
        try:
            choices = self.find_choices(event)
            choice = choices[0] if choices else {}
            if (finish_reason := read_finish_reason(choice)) is not None:
                grace = self.grace
            return self._has_content(choice, finish_reason, event.get("usage")), grace
        except MALFORMED_INPUT_ERRORS:
            # The decoder says what is wrong with it.
            return True, grace

    def _has_content(self, choice: Json, finish_reason: str | None, usage: Json | None) -> bool:
        """Return whether an event has text, reasoning, a tool call, usage, or another finish reason than `stop`.

        Such a finish reason explains why there is no text. Without usage, `stop` counts too.
        """
        raw = choice.get("delta") or choice.get("message") or {}
        if text_of(raw.get("content")) or raw.get("tool_calls"):
            return True  # Most events end here.
        if any(count for count in (usage or {}).values() if not isinstance(count, dict)):
            return True
        if finish_reason is not None and (finish_reason != "stop" or not self.with_usage):
            return True
        additional_kwargs = read_additional_kwargs(raw)
        if "audio" in additional_kwargs and not additional_kwargs["audio"].keys() & {"data", "transcript"}:
            del additional_kwargs["audio"]  # The first event of an audio has no more than its id.
        return bool(additional_kwargs)
