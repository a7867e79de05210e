"""Turns the events of one chat stream into LangChain chunks."""

from collections.abc import Sequence

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_qwen_workspace._seam import SERVED_BY, Json, Request
from langchain_qwen_workspace._wire._arguments import arguments_text, invalidating_suffix, parse_arguments
from langchain_qwen_workspace._wire._chunks import PROVIDER_METADATA, ChunkFactory, StreamProgress
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS
from langchain_qwen_workspace._wire._message_content import text_of
from langchain_qwen_workspace._wire._messages import make_call_id
from langchain_qwen_workspace._wire._usage import merge_usage, usage_metadata
from langchain_qwen_workspace._wire._whole_answer import (
    ADDITIONAL_KWARGS,
    FindChoices,
    FindFacts,
    malformed_response_error,
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
            find_facts: Finds the metadata of an event; the last event that has a fact counts.
        """
        self._request = request
        self._find_choices = find_choices
        self._find_facts = find_facts
        self._facts: Json = {}
        self._finish_reason: str | None = None
        self._logprobs: list[Json] = []
        self._calls: dict[int, _CallState] = {}
        self._text = ""
        self._merged = AIMessageChunk(content="")
        self._has_audio = False
        self._progress = StreamProgress(request.destination)
        self._chunks = ChunkFactory(self._progress)

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
        self._facts.update(self._find_facts(event))
        choices = self._find_choices(event)
        if not choices:
            return ()
        choice = choices[0]
        self._finish_reason = read_finish_reason(choice) or self._finish_reason
        if logprobs := choice.get("logprobs"):
            self._logprobs.extend(logprobs.get("content") or [])
        raw = choice.get("delta") or choice.get("message") or {}
        text = self._new_text(text_of(raw.get("content")))
        additional_kwargs = read_additional_kwargs(raw)
        if additional_kwargs:
            self._check_mergeable(additional_kwargs)
            if "audio" in additional_kwargs and not self._has_audio and additional_kwargs["audio"].get("data"):
                additional_kwargs, self._has_audio = with_audio_type(additional_kwargs), True
        fragments = raw.get("tool_calls")
        calls = self._call_chunks(fragments) if fragments else []
        if not (text or additional_kwargs or calls):
            return ()
        return (self._chunks.create(text, additional_kwargs, calls),)

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
            StreamInterruptedError: No event had a finish reason.
        """
        progress = self._progress
        if self._finish_reason is None:
            raise StreamInterruptedError(
                "The stream ended without a `finish_reason`, so the answer is incomplete.",
                request_id=progress.request_id,
                **self._request.error_context,
            )
        metadata = response_metadata(
            self._request, progress.request_id, self._finish_reason, progress.usage, self._facts
        )
        if self._logprobs:
            metadata["logprobs"] = {"content": self._logprobs}
        last = AIMessageChunk(
            content="",
            usage_metadata=usage_metadata(progress.usage),
            response_metadata=metadata,
            chunk_position="last",
        )
        generation_info = {"finish_reason": self._finish_reason}
        return (*self._last_call_chunks(), ChatGenerationChunk(message=last, generation_info=generation_info))

    def _last_call_chunks(self) -> Sequence[ChatGenerationChunk]:
        fragments = [
            fragment
            for index, state in self._calls.items()
            if (fragment := state.last_chunk(index, make_call_id(self._progress.request_id, index)))
        ]
        message = AIMessageChunk(content="", tool_call_chunks=fragments, response_metadata=dict(PROVIDER_METADATA))
        return (ChatGenerationChunk(message=message),) if fragments else ()

    def _new_text(self, text: str) -> str:
        """Return the part of an event's text that no earlier event had."""
        if not self._request.cumulative:
            return text
        previous, self._text = self._text, text or self._text
        return text.removeprefix(previous)

    def _call_chunks(self, calls: Sequence[Json]) -> list[ToolCallChunk]:
        chunks: dict[int, ToolCallChunk] = {}
        for position, call in enumerate(calls):
            index = call.get("index")
            if isinstance(index, bool) or not isinstance(index, int):
                index = self._infer_index(call, position)
            state = self._calls.setdefault(index, _CallState())
            chunk = state.next_chunk(call, index)
            if before := chunks.get(index):
                # LangChain merges the fragments of different chunks only, not those within one.
                chunk = tool_call_chunk(
                    name=before["name"] or chunk["name"],
                    args=f"{before['args']}{chunk['args']}",
                    id=before["id"] or chunk["id"],
                    index=index,
                )
            chunks[index] = chunk
        return list(chunks.values())

    def _infer_index(self, call: Json, position: int) -> int:
        """Return the index of a call that came without one (documentation of 2024): a new id starts a new call."""
        id_ = call.get("id")
        for index, state in self._calls.items():
            if id_ and state.id == id_:
                return index
        return len(self._calls) if id_ or not self._calls else max(len(self._calls) - 1, position)


class _CallState:
    """What earlier chunks had of one tool call."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name: str | None = None
        self.arguments: list[str] = []

    def next_chunk(self, call: Json, index: int) -> ToolCallChunk:
        """Return what a fragment adds: after the first, ids and names are empty, `null` or repeated (recordings)."""
        function = call.get("function") or {}
        id_ = None if self.id else call.get("id") or None
        name = None if self.name else function.get("name") or None
        arguments = arguments_text(function.get("arguments"))
        self.id = self.id or id_
        self.name = self.name or name
        self.arguments.append(arguments)
        return tool_call_chunk(name=name, args=arguments, id=id_, index=index)

    def last_chunk(self, index: int, id_: str) -> ToolCallChunk | None:
        """Return what the call lacks after its last fragment: an id, or a suffix that keeps it invalid."""
        arguments = "".join(self.arguments)
        suffix = invalidating_suffix(arguments) if parse_arguments("", arguments)[0] is None else ""
        if self.id and not suffix:
            return None
        return tool_call_chunk(args=suffix, id=None if self.id else id_, index=index)
