"""Answers as both dialects write them: whole ones as LangChain's results, events as its chunks."""

import reprlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_qwen_workspace._seam import ANSWERED_BY, PARTIAL, Json, Request
from langchain_qwen_workspace._wire._arguments import arguments_text, parsed_arguments, stopper
from langchain_qwen_workspace._wire._chunks import MERGED_PROVIDER, Chunks, Heard
from langchain_qwen_workspace._wire._content_blocks import WRONG_SHAPE
from langchain_qwen_workspace._wire._message_content import other_parts_in, text_in
from langchain_qwen_workspace._wire._messages import decode_tool_calls, missing_id
from langchain_qwen_workspace._wire._usage import merge_usage, usage_metadata
from langchain_qwen_workspace.errors import InvalidResponseError, QwenWorkspaceError, StreamInterruptedError

# The native protocol writes `"null"` while an answer goes on (recordings, 2025).
_UNFINISHED = (None, "null", "")


ChoicesIn: TypeAlias = Callable[[Json], Sequence[Json]]
"""Finds an answer's or event's choices, wherever the dialect has them."""

FactsIn: TypeAlias = Callable[[Json], Json]
"""Finds what else an answer or event tells, for the metadata."""


def result(body: Json, request: Request, choices_in: ChoicesIn, facts_in: FactsIn) -> ChatResult:
    """Return LangChain's result for a whole answer.

    Raises:
        InvalidResponseError: There is no choice, or the answer is not of the protocol's shape.
    """
    request = _answered(request, body)
    try:
        choices = choices_in(body)
        if choices:
            return _result(body, choices, request, facts_in(body))
    except WRONG_SHAPE as error:
        raise _misshapen(body, request, error) from error
    raise InvalidResponseError("The answer has no choices.", request_id=body.get("request_id"), **request.place)


def _answered(request: Request, body: Json) -> Request:
    """Return a request as that of the workspace which answered it."""
    return replace(request, origin=body[ANSWERED_BY]) if ANSWERED_BY in body else request


def _misshapen(body: Json, request: Request, error: Exception) -> InvalidResponseError:
    return InvalidResponseError(
        f"The answer is not of the protocol's shape ({type(error).__name__}: {error}): {reprlib.repr(body)}",
        request_id=body.get("request_id"),
        **request.place,
    )


def _result(body: Json, choices: Sequence[Json], request: Request, facts: Json) -> ChatResult:
    usage = usage_metadata(body.get("usage"))
    generations = []
    for choice in choices:
        raw = choice.get("message") or choice.get("delta") or {}
        valid, invalid = decode_tool_calls(raw.get("tool_calls") or [], body.get("request_id"))
        finish_reason = _finish_reason(choice)
        metadata = _metadata(request, body.get("request_id"), finish_reason, body.get("usage"), facts)
        if choice.get("logprobs"):
            metadata["logprobs"] = choice["logprobs"]
        if body.get(PARTIAL):
            metadata[PARTIAL] = True
        message = AIMessage(
            content=text_in(raw.get("content")),
            additional_kwargs=_with_type(_beside_text(raw)),
            tool_calls=valid,
            invalid_tool_calls=invalid,
            usage_metadata=usage,
            response_metadata=metadata,
        )
        # The service counts all choices of a request together: the first one carries the count.
        usage = None
        generations.append(ChatGeneration(message=message, generation_info={"finish_reason": finish_reason}))
    return ChatResult(generations=generations)


_BESIDE: dict[str, type] = {
    "reasoning_content": str,
    "refusal": str,
    "audio": dict,
    "annotations": list,
    "deep_research": list,
}


def _beside_text(raw: Json) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if value and (kind := _BESIDE.get(name)) is not None:
            if not isinstance(value, kind):
                raise TypeError(f"`{name}` is {type(value).__name__}")
            kept[name] = value
    content = raw.get("content")
    if not isinstance(content, str) and (parts := other_parts_in(content)):
        kept["content_parts"] = parts
    return kept


def _with_type(beside: dict[str, Any]) -> dict[str, Any]:
    if "audio" in beside and beside["audio"].get("data"):
        # "wav" is the only format to ask for, but the docs' samples read bare samples out of it, of 16 bits at 24 kHz
        # (Model Studio docs, Qwen-Omni, 2026-09). The header of a WAV file begins with "RIFF".
        kind = "audio/wav" if str(beside["audio"]["data"]).startswith("UklGR") else "audio/pcm"
        beside["audio"] = {**beside["audio"], "mime_type": kind}
    return beside


def _finish_reason(choice: Json) -> str | None:
    reason = choice.get("finish_reason")
    return None if reason in _UNFINISHED else str(reason)


def _metadata(
    request: Request, request_id: str | None, finish_reason: str | None, usage: Json | None, facts: Json
) -> dict[str, Any]:
    return {
        **MERGED_PROVIDER,
        "model_name": request.model,
        "finish_reason": finish_reason,
        "request_id": request_id,
        **asdict(request.origin),
        **({"token_usage": usage} if usage else {}),
        **facts,
    }


class AnswerDecoder:
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
        self._heard = Heard(request.origin)
        self._chunks = Chunks(self._heard)

    def feed(self, event: Json) -> Sequence[ChatGenerationChunk]:
        """Return what one event adds: a chunk, or nothing.

        Raises:
            InvalidResponseError: The event is not of the protocol's shape.
        """
        try:
            return self._fed(event)
        except WRONG_SHAPE as error:
            raise _misshapen(event, self._request, error) from error

    def _fed(self, event: Json) -> Sequence[ChatGenerationChunk]:
        heard = self._heard
        heard.request_id = event.get("request_id") or heard.request_id
        if ANSWERED_BY in event:
            self._request = _answered(self._request, event)
            heard.origin = self._request.origin
        if usage := event.get("usage"):
            heard.usage = merge_usage(heard.usage, usage)
        self._facts.update(self._facts_in(event))
        choices = self._choices_in(event)
        if not choices:
            return ()
        choice = choices[0]
        self._finish_reason = _finish_reason(choice) or self._finish_reason
        if logprobs := choice.get("logprobs"):
            self._logprobs.extend(logprobs.get("content") or [])
        raw = choice.get("delta") or choice.get("message") or {}
        text = self._added(text_in(raw.get("content")))
        beside = _beside_text(raw)
        if beside:
            self._check_adds_up(beside)
        if "audio" in beside and beside["audio"].get("data") and not self._speaks:
            beside, self._speaks = _with_type(beside), True
        fragments = raw.get("tool_calls")
        calls = self._call_chunks(fragments) if fragments else []
        if not (text or beside or calls):
            return ()
        return (self._chunks.chunk(text, beside, calls),)

    def _check_adds_up(self, beside: Json) -> None:
        """Raise what LangChain would raise, adding up chunks whose parts beside the text are of different types."""
        odd = {name: value for name, value in beside.items() if _BESIDE.get(name) is not str}
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
                **self._request.place,
            )
        metadata = _metadata(self._request, self._heard.request_id, self._finish_reason, self._heard.usage, self._facts)
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
        message = AIMessageChunk(content="", tool_call_chunks=ends, response_metadata=dict(MERGED_PROVIDER))
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
        stop = stopper(arguments) if parsed_arguments("", arguments)[0] is None else ""
        if self.id and not stop:
            return None
        return tool_call_chunk(args=stop, id=None if self.id else id_, index=slot)


@contextmanager
def kept(chunks: Sequence[ChatGenerationChunk]) -> Iterator[None]:
    """Give an error what had come of an answer before it; LangChain keeps a stream's chunks as well."""
    try:
        yield
    except QwenWorkspaceError as error:
        if chunks and error.partial_message is None:
            error.partial_message = _summed(_messages(chunks))
        raise


def _messages(chunks: Sequence[ChatGenerationChunk]) -> list[AIMessageChunk]:
    return [chunk.message for chunk in chunks if isinstance(chunk.message, AIMessageChunk)]


def _summed(messages: Sequence[AIMessageChunk]) -> AIMessageChunk:
    first, *rest = messages
    return first.__add__(rest)


def whole(fed: Sequence[ChatGenerationChunk], ended: Sequence[ChatGenerationChunk]) -> ChatResult:
    """Return the result of a stream that was read to its end, as if the answer had come in one piece.

    Args:
        fed: What the events added.
        ended: What came after the last event.
    """
    told = _messages(fed)
    message = _summed([*told, *_messages(ended)])
    written = {call["index"]: "" for call in message.tool_call_chunks}
    for part in told:
        for call in part.tool_call_chunks:
            written[call["index"]] += call["args"] or ""
    raw = [
        {"id": call["id"], "function": {"name": call["name"], "arguments": written[call["index"]]}}
        for call in message.tool_call_chunks
    ]
    # What ended the stream has given an id to every call that came without one.
    valid, invalid = decode_tool_calls(raw, None)
    finished = AIMessage(
        content=message.content,
        additional_kwargs=message.additional_kwargs,
        tool_calls=valid,
        invalid_tool_calls=invalid,
        usage_metadata=message.usage_metadata,
        response_metadata=message.response_metadata,
    )
    return ChatResult(generations=[ChatGeneration(message=finished, generation_info=ended[-1].generation_info)])
