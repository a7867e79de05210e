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

    def has_content(self, event: Json) -> bool:
        """Return whether an event has something of an answer: text, reasoning, a tool call, or tokens that were used.

        A finish reason other than `stop` is an answer too: it says why there is no text.
        """
        try:
            choices = self.find_choices(event)
            raw = (choices[0].get("delta") or choices[0].get("message") or {}) if choices else {}
            if text_of(raw.get("content")) or raw.get("tool_calls"):
                return True  # As with most events: what follows need not be looked at.
            if any(count for count in (event.get("usage") or {}).values() if not isinstance(count, dict)):
                return True
            if not choices:
                return False
            reason = read_finish_reason(choices[0])
            is_reason_enough = reason is not None and (reason != "stop" or not self.with_usage)
            additional_kwargs = read_additional_kwargs(raw)
            if "audio" in additional_kwargs and not additional_kwargs["audio"].keys() & {"data", "transcript"}:
                del additional_kwargs["audio"]  # The first event of an audio has no more than its id.
            return bool(is_reason_enough or additional_kwargs)
        except MALFORMED_INPUT_ERRORS:
            # The decoder says what is wrong with it.
            return True

    def grace_after(self, event: Json) -> float | None:
        """Return how many seconds to wait for more after an event, `None` if the answer is incomplete."""
        try:
            choices = self.find_choices(event)
            return None if not choices or read_finish_reason(choices[0]) is None else self.grace
        except MALFORMED_INPUT_ERRORS:
            return None
