"""Turns the events of one chat stream into LangChain chunks."""

from collections import defaultdict
from collections.abc import Sequence

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_qwen_workspace._seam import PARTIAL, SERVED_BY, Json, Request
from langchain_qwen_workspace._wire._chunks import PROVIDER_METADATA, ChunkFactory, StreamProgress
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS
from langchain_qwen_workspace._wire._message_content import text_of
from langchain_qwen_workspace._wire._repeated_facts import SeenItems, StreamFacts
from langchain_qwen_workspace._wire._surrogates import DeltaJoiner, SurrogateJoiner, repair_value
from langchain_qwen_workspace._wire._tool_call_stream import ToolCallStream
from langchain_qwen_workspace._wire._unknown_fields import UnknownFieldsOfStream, unknown_fields
from langchain_qwen_workspace._wire._usage import merge_usage, usage_metadata
from langchain_qwen_workspace._wire._whole_answer import (
    ADDITIONAL_KWARGS,
    KNOWN_FIELDS,
    FindChoices,
    FindFacts,
    malformed_response_error,
    partial_metadata,
    read_additional_kwargs,
    read_finish_reason,
    response_metadata,
    with_actual_destination,
    with_audio_type,
)
from langchain_qwen_workspace.errors import StreamInterruptedError


class StreamDecoder:
    """Holds the state of one stream.

    Names, ids, usage and metadata are returned once, even if several events have them: LangChain concatenates or adds
    what is repeated.
    """

    def __init__(self, request: Request, find_choices: FindChoices, find_facts: FindFacts) -> None:
        """Start a stream.

        Args:
            request: The request that it answers.
            find_choices: Finds the choices of an event.
            find_facts: Finds the metadata of an event; those of all events are merged.
        """
        self._request = request
        self._find_choices = find_choices
        self._find_facts = find_facts
        self._facts = StreamFacts()
        self._seen: defaultdict[str, SeenItems] = defaultdict(SeenItems)
        self._finish_reason: str | None = None
        self._logprobs: list[Json] = []
        self._calls = ToolCallStream(request.tool_names)
        self._text = ""
        self._text_joiner = SurrogateJoiner()
        self._delta_joiner = DeltaJoiner()
        self._unknown_fields = UnknownFieldsOfStream()
        self._merged = AIMessageChunk(content="")
        self._has_audio = self._is_partial = False
        self._progress = StreamProgress(request.destination)
        self._chunks = ChunkFactory(self._progress)

    @property
    def request(self) -> Request:
        """The request, with the destination that serves it."""
        return self._request

    def create_block_chunk(self, block: Json, text: str) -> ChatGenerationChunk:
        """Return a chunk whose content is a block, with the text that it adds to the answer."""
        return self._chunks.create_from_block(block, text)

    def feed(self, event: Json) -> Sequence[ChatGenerationChunk]:
        """Return the chunk that one event adds, if it adds anything.

        Raises:
            InvalidResponseError: The event does not have the protocol's shape.
        """
        try:
            return self._chunks_from(event)
        except MALFORMED_INPUT_ERRORS as error:
            raise malformed_response_error(event, self._request, error) from error

    def _chunks_from(self, event: Json) -> Sequence[ChatGenerationChunk]:
        progress = self._progress
        progress.request_id = event.get("request_id") or progress.request_id
        if SERVED_BY in event:
            self._request = with_actual_destination(self._request, event)
            progress.destination = self._request.destination
        if usage := event.get("usage"):
            progress.usage = merge_usage(progress.usage, usage)
        if event.get(PARTIAL):
            self._is_partial = True
        choices = self._find_choices(event)
        self._facts.add(self._find_facts(event))
        if not choices:
            return ()
        choice = choices[0]
        self._finish_reason = read_finish_reason(choice) or self._finish_reason
        if logprobs := choice.get("logprobs"):
            self._logprobs.extend(logprobs.get("content") or [])
        raw = choice.get("delta") or choice.get("message") or {}
        text = self._new_text(text_of(raw.get("content")))
        additional_kwargs = self._new_additional_kwargs(raw)
        if unknown := unknown_fields(raw, KNOWN_FIELDS):
            self._unknown_fields.add(unknown)
        fragments = raw.get("tool_calls")
        calls = self._calls.add(fragments) if fragments else []
        if not (text or additional_kwargs or calls):
            return ()
        return (self._chunks.create(text, additional_kwargs, calls),)

    def _new_additional_kwargs(self, raw: Json) -> Json:
        """Return what a delta adds beside the text. Lists that every event repeats are added once."""
        read = read_additional_kwargs(raw)
        if not read:
            return read
        new = {
            name: self._seen[name].unseen(value) if isinstance(value, list) else value for name, value in read.items()
        }
        new = {name: value for name, value in new.items() if value}
        self._check_mergeable(new)
        new = self._delta_joiner.add(new)
        if "audio" in new and not self._has_audio and new["audio"].get("data"):
            new, self._has_audio = with_audio_type(new), True
        return new

    def _check_mergeable(self, additional_kwargs: Json) -> None:
        """Raise what LangChain would raise when it merges chunks whose `additional_kwargs` have different types."""
        values = {name: value for name, value in additional_kwargs.items() if ADDITIONAL_KWARGS.get(name) is not str}
        if "audio" in values and isinstance(values["audio"].get("data"), str):
            # The audio is long, and merging strings cannot fail.
            values["audio"] = {**values["audio"], "data": ""}
        if values:
            self._merged += AIMessageChunk(content="", additional_kwargs=values)

    def finish(self) -> Sequence[ChatGenerationChunk]:
        """Return the last chunks: what tool calls still lack, then the usage and the metadata.

        Raises:
            InvalidResponseError: A field that this package does not know cannot be read.
            StreamInterruptedError: No event had a finish reason, and none says that the answer is partial.
        """
        progress = self._progress
        if self._finish_reason is None and not self._is_partial:
            raise StreamInterruptedError(
                "The stream ended without a `finish_reason`, so the answer is incomplete.",
                request_id=progress.request_id,
                **self._request.error_context,
            )
        metadata = response_metadata(
            self._request, progress.request_id, self._finish_reason, progress.usage, self._facts.merged
        )
        if self._is_partial:
            metadata.update(partial_metadata(self._finish_reason))
        if self._logprobs:
            metadata["logprobs"] = {"content": self._logprobs}
        last = AIMessageChunk(
            content="",
            usage_metadata=usage_metadata(progress.usage),
            response_metadata=repair_value(metadata),
            chunk_position="last",
        )
        generation_info = {"finish_reason": self._finish_reason}
        end = ChatGenerationChunk(message=last, generation_info=generation_info)
        return (*self._last_text_chunks(), *self._last_call_chunks(), end)

    def _last_text_chunks(self) -> Sequence[ChatGenerationChunk]:
        text = self._text_joiner.finish()
        try:
            additional_kwargs = {**self._delta_joiner.finish(), **self._unknown_fields.merge()}
        except MALFORMED_INPUT_ERRORS as error:
            received = {"request_id": self._progress.request_id}
            raise malformed_response_error(received, self._request, error) from error
        return (self._chunks.create(text, additional_kwargs, []),) if text or additional_kwargs else ()

    def _last_call_chunks(self) -> Sequence[ChatGenerationChunk]:
        fragments = self._calls.finish(self._progress.request_id)
        message = AIMessageChunk(content="", tool_call_chunks=fragments, response_metadata=dict(PROVIDER_METADATA))
        return (ChatGenerationChunk(message=message),) if fragments else ()

    def _new_text(self, text: str) -> str:
        """Return the part of an event's text that no earlier event had."""
        if not self._request.cumulative:
            return self._text_joiner.add(text)
        if not text:
            return ""
        # Each event has the whole text, with both halves of a surrogate pair or without.
        self._text_joiner = SurrogateJoiner()
        previous, self._text = self._text, self._text_joiner.add(text)
        return self._text.removeprefix(previous)
