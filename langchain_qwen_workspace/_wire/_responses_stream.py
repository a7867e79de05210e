"""Turns the events of one stream of the Responses API into LangChain chunks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from langchain_core.outputs import ChatGenerationChunk

from langchain_qwen_workspace._seam import PARTIAL, SERVED_BY, Json, Request
from langchain_qwen_workspace._wire import _responses_server_tools as server_tools
from langchain_qwen_workspace._wire._arguments import arguments_text
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS
from langchain_qwen_workspace._wire._responses_output import (
    FUNCTION_CALL,
    MESSAGE,
    REASONING,
    annotations_of,
    facts_of,
    failure_of,
    fields_of_message,
    fields_of_reasoning,
    finish_reason_of,
    has_server_tools,
    is_like_chat,
    kind_of,
    text_of_message,
    text_of_reasoning,
)
from langchain_qwen_workspace._wire._stream_decoder import StreamDecoder
from langchain_qwen_workspace._wire._surrogates import SurrogateJoiner, repair_value
from langchain_qwen_workspace._wire._whole_answer import malformed_response_error

_OF_THE_TRANSPORT = ("request_id", SERVED_BY, PARTIAL)
_BLOCK_TYPES = {REASONING: "reasoning", MESSAGE: "text"}
_CHAT_KEYS = {REASONING: "reasoning_content", MESSAGE: "content"}
_INDEXES = {REASONING: "lc_rs_{}", MESSAGE: "lc_txt_{}"}


@dataclass(slots=True)
class _Item:
    """What the events so far had of one output item.

    Attributes:
        id: Its id, by which events are joined: their `output_index` differs between the events of one item.
        kind: Its kind.
        number: Its position among the items of the stream.
        call: The position of a function's call among the calls.
        text: The text so far, or the arguments of a call.
        source: The kind of the events that have its text, as others repeat it.
        has_refusal: Whether events had a refusal.
        is_named: Whether the name of a function's call was returned.
        is_done: Whether its last event was read.
        joiner: Joins halves of surrogate pairs.
    """

    id: str | None
    kind: str
    number: int
    call: int = 0
    text: str = ""
    source: str | None = None
    has_refusal: bool = False
    is_named: bool = False
    is_done: bool = False
    joiner: SurrogateJoiner = field(default_factory=SurrogateJoiner)


class ResponsesDecoder:
    """Holds the state of one stream, whose events it gives to the decoder of chat in the form of chat.

    If built-in tools are used, reasoning and text are content blocks, in the order of the items.
    """

    def __init__(self, request: Request) -> None:
        """Start a stream that answers a request."""
        self._chat = StreamDecoder(request, lambda event: event.get("choices") or (), lambda event: event["facts"])
        self._items: list[_Item] = []
        self._citations: list[Json] = []
        self._is_in_blocks = has_server_tools(request)
        self._events: dict[str, Callable[[Json], Iterator[ChatGenerationChunk]]] = {
            "response.output_item.added": self._begin_item,
            "response.output_item.done": lambda event: self._end_item(event.get("item") or {}),
            "response.output_text.delta": lambda event: self._add_text(event, MESSAGE),
            "response.reasoning_text.delta": lambda event: self._add_text(event, REASONING),
            "response.reasoning_summary_text.delta": lambda event: self._add_text(event, REASONING),
            "response.refusal.delta": self._add_refusal,
            "response.function_call_arguments.delta": self._add_arguments,
            "response.completed": self._end,
            "response.incomplete": self._end,
            "response.failed": self._fail,
            "response.cancelled": self._fail,
            "error": self._fail,
        }

    def feed(self, event: Json) -> Sequence[ChatGenerationChunk]:
        """Return the chunks that one event adds.

        Raises:
            InvalidResponseError: The event does not have the protocol's shape.
            QwenWorkspaceError: The event says that the response failed.
        """
        try:
            return list(self._chunks_from(event))
        except MALFORMED_INPUT_ERRORS as error:
            raise malformed_response_error(event, self._chat.request, error) from error

    def finish(self) -> Sequence[ChatGenerationChunk]:
        """Return the last chunks, with the usage and the metadata.

        Raises:
            StreamInterruptedError: No event ended the response.
        """
        return [self._with_block_content(chunk) for chunk in self._chat.finish()]

    def _chunks_from(self, event: Json) -> Iterator[ChatGenerationChunk]:
        if not event.keys().isdisjoint(_OF_THE_TRANSPORT):
            transport = {name: event[name] for name in _OF_THE_TRANSPORT if name in event}
            self._chat.feed({**transport, "facts": {}})
        event = _as_last_event(event)
        type_ = event.get("type")
        if type_ is None and event.get("message"):
            # The shape of the dashscope protocol's errors, as a frame of a stream of status 200 (2026-11-29).
            raise failure_of(event, self._chat.request)
        handle = self._events.get(str(type_))
        return iter(()) if handle is None else handle(event)

    def _feed_chat(self, delta: Json, **fields: object) -> Iterator[ChatGenerationChunk]:
        event = {"choices": [{"delta": delta, "finish_reason": fields.pop("finish_reason", None)}], "facts": {}}
        for chunk in self._chat.feed({**event, **fields}):
            yield self._with_block_content(chunk)

    def _with_block_content(self, chunk: ChatGenerationChunk) -> ChatGenerationChunk:
        if self._is_in_blocks and not chunk.message.content:
            # LangChain would put an empty text before the first block.
            chunk.message.content = []
        return chunk

    def _block_chunk(self, block: Json, text: str = "") -> ChatGenerationChunk:
        return self._chat.create_block_chunk(server_tools.make_readable(block), text)

    # ------------------------------------------------------------------------------------------------- items

    def _find(self, id_: str | None, kind: str) -> _Item | None:
        """Return the item of an event: by its id, or the last one of its kind if the event or the item has none."""
        if id_ is not None:
            for item in reversed(self._items):
                if item.id == id_:
                    return item
        last = next((item for item in reversed(self._items) if item.kind == kind), None)
        is_same = last is not None and not last.is_done and (id_ is None or last.id is None)
        return last if is_same else None

    def _open(self, id_: str | None, kind: str) -> _Item:
        """Return the item of an event, a new one if it is the item's first."""
        if found := self._find(id_, kind):
            return found
        calls = sum(item.kind == FUNCTION_CALL for item in self._items)
        item = _Item(id_, kind, len(self._items), calls)
        self._items.append(item)
        if not is_like_chat([item.kind for item in self._items]):
            self._is_in_blocks = True
        return item

    def _begin_item(self, event: Json) -> Iterator[ChatGenerationChunk]:
        given = event.get("item") or {}
        kind = kind_of(given)
        if kind not in {*_CHAT_KEYS, FUNCTION_CALL}:
            return
        item = self._open(given.get("id"), kind)
        if kind == FUNCTION_CALL:
            yield from self._name_call(item, given)

    def _end_item(self, given: Json) -> Iterator[ChatGenerationChunk]:
        if not given:
            return
        kind = kind_of(given)
        item = self._open(given.get("id"), kind)
        if item.is_done:
            return
        if kind == FUNCTION_CALL:
            yield from self._name_call(item, given)
            arguments = arguments_text(given.get("arguments"))
            yield from self._add_call_arguments(item, _rest(arguments, item.text))
        elif kind == REASONING:
            yield from self._emit(item, _rest(text_of_reasoning(given), item.text))
            yield from self._add_ciphertext(item, fields_of_reasoning(given))
        elif kind == MESSAGE:
            yield from self._emit(item, _rest(text_of_message(given), item.text))
            yield from self._add_annotations(item, given)
            yield from self._add_fields(item, given)
        else:
            for position, block in enumerate(server_tools.blocks_of(given)):
                yield self._block_chunk({**block, "index": f"lc_st_{item.number}_{position}"})
            self._citations += [new for new in server_tools.citations_of(given) if new not in self._citations]
        yield from self._emit_half(item)
        item.is_done = True

    # ------------------------------------------------------------------------------------------------- texts

    def _add_text(self, event: Json, kind: str) -> Iterator[ChatGenerationChunk]:
        item = self._open(event.get("item_id"), kind)
        item.source = item.source or event["type"]
        return self._emit(item, event.get("delta") or "") if item.source == event["type"] else iter(())

    def _emit(self, item: _Item, text: str) -> Iterator[ChatGenerationChunk]:
        is_first = not item.text
        item.text += text
        if not self._is_in_blocks:
            return self._feed_chat({_CHAT_KEYS[item.kind]: text}) if text else iter(())
        return self._emit_block(item, item.joiner.add(text), with_id=is_first)

    def _emit_block(self, item: _Item, text: str, *, with_id: bool = False) -> Iterator[ChatGenerationChunk]:
        if text:
            type_ = _BLOCK_TYPES[item.kind]
            id_ = {"id": item.id} if with_id and item.id else {}
            block = {"type": type_, **id_, type_: text, "index": self._index(item)}
            yield self._block_chunk(block, text if item.kind == MESSAGE else "")

    def _index(self, item: _Item) -> str:
        return _INDEXES[item.kind].format(item.number)

    def _emit_half(self, item: _Item) -> Iterator[ChatGenerationChunk]:
        if item.kind in _CHAT_KEYS and self._is_in_blocks:
            yield from self._emit_block(item, item.joiner.finish())

    def _add_ciphertext(self, item: _Item, fields: Json) -> Iterator[ChatGenerationChunk]:
        if fields and self._is_in_blocks:
            block = {"type": REASONING, "reasoning": "", "index": self._index(item), "extras": repair_value(fields)}
            yield self._block_chunk(block if item.text else {**block, **({"id": item.id} if item.id else {})})
        elif fields:
            yield from self._feed_chat(fields)

    def _add_annotations(self, item: _Item, given: Json) -> Iterator[ChatGenerationChunk]:
        annotations = annotations_of(given)
        if self._is_in_blocks:
            citations = [*self._citations, *map(server_tools.citation_of, annotations)]
            self._citations = []
            if citations and item.text:
                block = {"type": "text", "text": "", "index": self._index(item)}
                yield self._block_chunk({**block, "annotations": repair_value(citations)})
        elif annotations:
            yield from self._feed_chat({"annotations": annotations})

    def _add_fields(self, item: _Item, given: Json) -> Iterator[ChatGenerationChunk]:
        fields = fields_of_message(given)
        if item.has_refusal:
            fields.pop("refusal", None)
        if self._is_in_blocks:
            for position, part in enumerate(fields.pop("content", ())):
                block = {"type": "non_standard", "value": repair_value(part)}
                yield self._block_chunk({**block, "index": f"lc_ns_{item.number}_{position}"})
        if fields:
            yield from self._feed_chat(fields)

    def _add_refusal(self, event: Json) -> Iterator[ChatGenerationChunk]:
        self._open(event.get("item_id"), MESSAGE).has_refusal = True
        return self._feed_chat({"refusal": event.get("delta")})

    # ------------------------------------------------------------------------------------------------- calls

    def _name_call(self, item: _Item, given: Json) -> Iterator[ChatGenerationChunk]:
        if item.is_named or not given.get("name"):
            return
        item.is_named = True
        item.id = item.id or given.get("id")
        function = {"name": given["name"], "arguments": ""}
        call = {"index": item.call, "id": given.get("call_id") or given.get("id"), "function": function}
        yield from self._feed_chat({"tool_calls": [call]})

    def _add_arguments(self, event: Json) -> Iterator[ChatGenerationChunk]:
        return self._add_call_arguments(self._open(event.get("item_id"), FUNCTION_CALL), event.get("delta") or "")

    def _add_call_arguments(self, item: _Item, text: str) -> Iterator[ChatGenerationChunk]:
        item.text += text
        if text:
            yield from self._feed_chat({"tool_calls": [{"index": item.call, "function": {"arguments": text}}]})

    # --------------------------------------------------------------------------------------------------- end

    def _end(self, event: Json) -> Iterator[ChatGenerationChunk]:
        response = event.get("response") or {}
        for given in [given for given in response.get("output") or () if self._is_new_or_open(given)]:
            yield from self._end_item(given)
        has_calls = any(item.kind == FUNCTION_CALL for item in self._items)
        yield from self._feed_chat(
            {},
            finish_reason=finish_reason_of(
                {**response, "status": event["type"].rpartition(".")[2]}, has_calls=has_calls
            ),
            usage=response.get("usage"),
            facts=facts_of(response, self._chat.request),
        )

    def _is_new_or_open(self, given: Json) -> bool:
        """Return whether the whole response has an item that the events before it did not have, or not to its end.

        An item whose id no event had is new only if no event had an item of its kind: ids may differ.
        """
        id_, kind = given.get("id"), kind_of(given)
        if id_ is not None and (known := next((item for item in self._items if item.id == id_), None)):
            return not known.is_done
        return not any(item.kind == kind and (item.text or item.is_done) for item in self._items)

    def _fail(self, event: Json) -> Iterator[ChatGenerationChunk]:
        raise failure_of(event.get("response") or event, self._chat.request)


def _rest(whole: str, text: str) -> str:
    """Return what an item's last event adds to the text of the events before; nothing if it says it in other words."""
    return whole.removeprefix(text) if whole.startswith(text) else ""


@dataclass(frozen=True, slots=True)
class ResponsesStreamRules:
    """What the events of a stream mean for the transport: which ones say something, and which one is the last."""

    grace: float
    """Seconds to wait for more events after the last one."""

    def classify(self, event: Json) -> tuple[bool, float | None]:
        """Return whether an event has something of an answer, and the seconds to wait for more if it is the last."""
        return _has_content(_as_last_event(event)), self.grace if event.get("type") in _ENDS else None


def _has_content(event: Json) -> bool:
    """Return whether an event has something of an answer, or says that a built-in tool runs."""
    type_ = event.get("type")
    if not isinstance(type_, str):
        return bool(event.get("message"))
    if type_ in _ENDS:
        response = event.get("response")
        return not isinstance(response, dict) or type_ != _COMPLETED or _has_counts(response.get("usage"))
    if type_.endswith(".delta"):
        return bool(event.get("delta"))
    if type_ == "response.output_item.added":
        item = event.get("item")
        return not isinstance(item, dict) or kind_of(item) not in _CHAT_KEYS
    return type_ not in _SILENT and type_.startswith("response.")


_COMPLETED = "response.completed"
_ENDS = frozenset({_COMPLETED, "response.incomplete", "response.failed", "response.cancelled"})
_SILENT = frozenset({"response.created", "response.queued", "response.in_progress", "response.content_part.added"})


def _as_last_event(event: Json) -> Json:
    """Return an event as it is; for a whole response, with which a gateway may answer, the event that ends with it."""
    if "type" not in event and event.get("object") == "response":
        return {"type": f"response.{event.get('status')}", "response": event}
    return event


def _has_counts(usage: object) -> bool:
    counts = usage.values() if isinstance(usage, dict) else ()
    return any(isinstance(count, int) and count for count in counts)
