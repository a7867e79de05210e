"""Turns the events of one stream into LangChain chunks."""

from collections.abc import Sequence

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_qwen_workspace._seam import SERVED_BY, Json, Request
from langchain_qwen_workspace._wire._arguments import arguments_text, invalidating_suffix, parsed_arguments
from langchain_qwen_workspace._wire._chunks import PROVIDER_METADATA, Chunks, StreamProgress
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS
from langchain_qwen_workspace._wire._message_content import text_in
from langchain_qwen_workspace._wire._messages import missing_id
from langchain_qwen_workspace._wire._usage import merge_usage, usage_metadata
from langchain_qwen_workspace._wire._whole_answer import (
    ADDITIONAL_KWARGS,
    ChoicesIn,
    FactsIn,
    malformed_response_error,
    read_additional_kwargs,
    read_finish_reason,
    response_metadata,
    with_actual_destination,
    with_audio_type,
)
from langchain_qwen_workspace.errors import StreamInterruptedError


class StreamDecoder:
    """One stream's state. Names, ids, counts and metadata come out once: LangChain adds up what is repeated."""

    def __init__(self, request: Request, choices_in: ChoicesIn, facts_in: FactsIn) -> None:
        """Start a stream; of facts that several events tell, the last stays."""
        self._request = request
        self._choices_in = choices_in
        self._facts_in = facts_in
        self._facts: Json = {}
        self._finish_reason: str | None = None
        self._logprobs: list[Json] = []
        self._calls: dict[int, _CallState] = {}
        self._text = ""
        self._beside = AIMessageChunk(content="")
        self._speaks = False
        self._heard = StreamProgress(request.destination)
        self._chunks = Chunks(self._heard)

    def feed(self, event: Json) -> Sequence[ChatGenerationChunk]:
        """Return what one event adds: a chunk, or nothing.

        Raises:
            InvalidResponseError: The event is not of the protocol's shape.
        """
        try:
            return self._chunks_from(event)
        except MALFORMED_INPUT_ERRORS as error:
            raise malformed_response_error(event, self._request, error) from error

    def _chunks_from(self, event: Json) -> Sequence[ChatGenerationChunk]:
        heard = self._heard
        heard.request_id = event.get("request_id") or heard.request_id
        if SERVED_BY in event:
            self._request = with_actual_destination(self._request, event)
            heard.destination = self._request.destination
        if usage := event.get("usage"):
            heard.usage = merge_usage(heard.usage, usage)
        self._facts.update(self._facts_in(event))
        choices = self._choices_in(event)
        if not choices:
            return ()
        choice = choices[0]
        self._finish_reason = read_finish_reason(choice) or self._finish_reason
        if logprobs := choice.get("logprobs"):
            self._logprobs.extend(logprobs.get("content") or [])
        raw = choice.get("delta") or choice.get("message") or {}
        text = self._added(text_in(raw.get("content")))
        beside = read_additional_kwargs(raw)
        if beside:
            self._check_adds_up(beside)
        if "audio" in beside and beside["audio"].get("data") and not self._speaks:
            beside, self._speaks = with_audio_type(beside), True
        fragments = raw.get("tool_calls")
        calls = self._call_chunks(fragments) if fragments else []
        if not (text or beside or calls):
            return ()
        return (self._chunks.chunk(text, beside, calls),)

    def _check_adds_up(self, beside: Json) -> None:
        """Raise what LangChain would raise, adding up chunks whose parts beside the text are of different types."""
        odd = {name: value for name, value in beside.items() if ADDITIONAL_KWARGS.get(name) is not str}
        if "audio" in odd and isinstance(odd["audio"].get("data"), str):
            # The sound itself is long, and text in any case.
            odd["audio"] = {**odd["audio"], "data": ""}
        if odd:
            self._beside += AIMessageChunk(content="", additional_kwargs=odd)

    def finish(self) -> Sequence[ChatGenerationChunk]:
        """Return the last chunks: ids that never came, then usage and metadata.

        Raises:
            StreamInterruptedError: No event said why the answer ended.
        """
        if self._finish_reason is None:
            raise StreamInterruptedError(
                "The stream ended without a `finish_reason`: the answer is not whole.",
                request_id=self._heard.request_id,
                **self._request.error_context,
            )
        metadata = response_metadata(
            self._request, self._heard.request_id, self._finish_reason, self._heard.usage, self._facts
        )
        if self._logprobs:
            metadata["logprobs"] = {"content": self._logprobs}
        last = AIMessageChunk(
            content="",
            usage_metadata=usage_metadata(self._heard.usage),
            response_metadata=metadata,
            chunk_position="last",
        )
        generation_info = {"finish_reason": self._finish_reason}
        return (*self._calls_ended(), ChatGenerationChunk(message=last, generation_info=generation_info))

    def _calls_ended(self) -> Sequence[ChatGenerationChunk]:
        ends = [
            end
            for slot, state in self._calls.items()
            if (end := state.end(slot, missing_id(self._heard.request_id, slot)))
        ]
        message = AIMessageChunk(content="", tool_call_chunks=ends, response_metadata=dict(PROVIDER_METADATA))
        return (ChatGenerationChunk(message=message),) if ends else ()

    def _added(self, text: str) -> str:
        if not self._request.cumulative:
            return text
        so_far, self._text = self._text, text or self._text
        return text.removeprefix(so_far)

    def _call_chunks(self, calls: Sequence[Json]) -> list[ToolCallChunk]:
        chunks: dict[int, ToolCallChunk] = {}
        for position, call in enumerate(calls):
            index = call.get("index")
            slot = self._slot(call, position) if isinstance(index, bool) or not isinstance(index, int) else index
            state = self._calls.setdefault(slot, _CallState())
            chunk = state.chunk(call, slot)
            if before := chunks.get(slot):
                # LangChain adds up the fragments of different events only.
                chunk = tool_call_chunk(
                    name=before["name"] or chunk["name"],
                    args=f"{before['args']}{chunk['args']}",
                    id=before["id"] or chunk["id"],
                    index=slot,
                )
            chunks[slot] = chunk
        return list(chunks.values())

    def _slot(self, call: Json, position: int) -> int:
        """Return the place of a call without `index` (documentation of 2024): a new id opens a new place."""
        id_ = call.get("id")
        for slot, state in self._calls.items():
            if id_ and state.id == id_:
                return slot
        return len(self._calls) if id_ or not self._calls else max(len(self._calls) - 1, position)


class _CallState:
    """What of one streamed tool call was already told."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name: str | None = None
        self.arguments: list[str] = []

    def chunk(self, call: Json, slot: int) -> ToolCallChunk:
        """Return what a fragment adds: after the first, ids and names come empty, `null` or again (recordings)."""
        function = call.get("function") or {}
        id_ = None if self.id else call.get("id") or None
        name = None if self.name else function.get("name") or None
        arguments = arguments_text(function.get("arguments"))
        self.id = self.id or id_
        self.name = self.name or name
        self.arguments.append(arguments)
        return tool_call_chunk(name=name, args=arguments, id=id_, index=slot)

    def end(self, slot: int, id_: str) -> ToolCallChunk | None:
        """Return what the call lacks after its last fragment: an id, or what keeps broken arguments invalid."""
        arguments = "".join(self.arguments)
        stop = invalidating_suffix(arguments) if parsed_arguments("", arguments)[0] is None else ""
        if self.id and not stop:
            return None
        return tool_call_chunk(args=stop, id=None if self.id else id_, index=slot)
