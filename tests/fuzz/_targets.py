"""The targets: each makes a case from golden rows, runs it as a call would, and checks the result."""

import functools
import json
import operator
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, cast, get_args
from urllib.parse import urlsplit

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import ValidationError

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace._chat.streamed_answer import result_of_stream
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import PROTOCOLS, embedding_wire, rerank_wire
from langchain_qwen_workspace._seam import (
    ChatCall,
    Destination,
    EmbeddingCall,
    RerankCall,
    StreamSnapshot,
)
from langchain_qwen_workspace._transports._event_reader import EventReader
from langchain_qwen_workspace._transports._http_answers import HTTPResponse, read_response
from langchain_qwen_workspace._transports.openai import OpenAITransport
from langchain_qwen_workspace._wire._chunks import StreamedChunk
from langchain_qwen_workspace._wire._retrieval_content import read_contents
from langchain_qwen_workspace._wire.batches import read_line
from langchain_qwen_workspace._workspace.endpoints import REGIONS
from langchain_qwen_workspace.profiles import profile_of
from langchain_qwen_workspace.usage import (
    PriceTable,
    TokenCounts,
    rows_from_json,
    rows_to_csv,
    rows_to_json,
    rows_to_markdown,
)
from tests.fuzz._mutations import (
    JSON_VALUES,
    PYTHON_VALUES,
    RAW,
    STRINGS,
    mutate_bytes,
    mutate_several_times,
    pieces_of,
    to_json,
)
from tests.fuzz._run import Target, forbid_opening
from tests.fuzz._seeds import (
    ANSWERS,
    BLOCKS,
    CONTENTS,
    EMBEDDINGS,
    ERRORS,
    EVENTS,
    LINES,
    MESSAGES,
    PRICE_TABLES,
    RANKINGS,
    USAGE_FILES,
    WORKSPACES,
)
from tests.wire.golden._reading import frame_events, request_of

KEY = "sk-F0ZZ3D"
_ANSWERED = (*JSON_VALUES, *RAW)
_GIVEN = (*JSON_VALUES, *PYTHON_VALUES)


class _Response:
    """A response as both HTTP libraries have it."""

    def __init__(self, content: bytes, status: int = 200, kind: str = "application/json") -> None:
        self.content, self.status_code, self.charset_encoding = content, status, None
        self.headers = {"content-type": kind, "x-request-id": "r-1"}


def _response(content: bytes, status: int = 200) -> HTTPResponse:
    return cast("HTTPResponse", _Response(content, status))


def _check_message(message: BaseMessage) -> None:
    """Check the types that LangChain and this package promise for every message."""
    assert isinstance(message, AIMessage), type(message)
    # A list of blocks is what the Responses API's own tools, and items that are not known, become.
    assert isinstance(message.content, str | list), message.content
    for call in message.tool_calls:
        assert isinstance(call["name"], str), call
        assert isinstance(call["args"], dict), call
        assert isinstance(call["id"], str), call
        assert call["id"], call
    for count in (message.usage_metadata or {}).values():
        assert isinstance(count, int | dict), message.usage_metadata
    reason = message.response_metadata.get("finish_reason")
    assert reason is None or isinstance(reason, str), reason
    assert isinstance(message.content_blocks, list)
    repr(message)


def _answers(protocol: ProtocolName) -> Target:
    request = request_of("qwen-plus", protocol, stream=False)

    def answer(random: Random) -> None:
        seed = random.choice(ANSWERS[protocol])
        body = to_json(mutate_several_times(seed, random, _ANSWERED))
        body = mutate_bytes(body, random) if random.random() < 0.1 else body
        result = PROTOCOLS[protocol].chat.decode(read_response(_response(body), request), request)
        assert result.generations
        for generation in result.generations:
            _check_message(generation.message)

    return answer


def _streams(protocol: ProtocolName) -> Target:
    def stream(random: Random) -> None:
        events = list(random.choice(EVENTS[protocol]))
        request = replace(request_of("qwen-plus", protocol), cumulative=random.random() < 0.1)
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(events))
            match random.randrange(6):
                case 0:
                    events[at : at + 1] = [events[at]] * random.choice((0, 2, 30))
                case 1:
                    events.append(events[at])
                case _:
                    events[at] = mutate_several_times(events[at], random, _ANSWERED)
            events = events or [{}]
        _read_stream(protocol, request, _frames_of(protocol, events), random)

    return stream


def _frames_of(protocol: ProtocolName, events: Sequence[Any]) -> bytes:
    kinds = [str(event.get("type")) if isinstance(event, dict) else "" for event in events]
    data = frame_events(protocol, [{"type": "", "event": number} for number in range(len(events))])
    for number, (event, kind) in enumerate(zip(events, kinds, strict=True)):
        named = b"event:%s\n" % kind.encode("utf-8", "replace").replace(b"\n", b" ")
        data = data.replace(b"event:\n", named, 1).replace(b'{"type":"","event":%d}' % number, to_json(event))
    return data


def _snapshot_of(chunk: ChatGenerationChunk) -> StreamSnapshot:
    assert isinstance(chunk, StreamedChunk)
    assert chunk.snapshot is not None
    return chunk.snapshot


def _read_stream(protocol: ProtocolName, request: Any, data: bytes, random: Random) -> None:
    reader = EventReader(_response(b""), request, timeout=60)
    decoder = PROTOCOLS[protocol].chat.decoder(request)
    fed: list[ChatGenerationChunk] = []
    for piece in pieces_of(data, random):
        for event in reader.feed(piece):
            fed += decoder.feed(event)
            assert all(_snapshot_of(chunk).destination == request.destination for chunk in fed[-1:])
    for event in reader.end():
        fed += decoder.feed(event)
    ended = decoder.finish()
    # Added one by one as LangChain does, and all at once.
    total = functools.reduce(operator.add, [chunk.message for chunk in (*fed, *ended)])
    assert isinstance(total, AIMessageChunk)
    _check_message(total)
    [generation] = result_of_stream(fed, ended).generations
    _check_message(generation.message)
    if isinstance(total.content, str):
        assert generation.message.content == total.content


def _bytes(protocol: ProtocolName) -> Target:
    streams = [frame_events(protocol, events) for events in EVENTS[protocol]]

    def mutate(random: Random) -> None:
        _read_stream(protocol, request_of("qwen-plus", protocol), mutate_bytes(random.choice(streams), random), random)

    return mutate


def _errors(protocol: ProtocolName) -> Target:
    request = request_of("qwen-plus", protocol)

    def error(random: Random) -> None:
        body = to_json(mutate_several_times(random.choice(ERRORS), random, _ANSWERED))
        if random.random() < 0.3:
            body = mutate_bytes(body, random)
        status = random.choice((200, 204, 302, 400, 401, 429, 500, 599, 700))
        read_response(_response(body, status), request)

    return error


def _embeddings(protocol: ProtocolName) -> Target:
    def embedding(random: Random) -> None:
        kind, seed = random.choice(EMBEDDINGS[protocol])
        call = EmbeddingCall(
            model="text-embedding-v4",
            inputs=["a", "b"],
            text_type="document",
            kind=kind,
            dimensions=random.choice((None, 64, 1024)),
            profile=profile_of(random.choice(("text-embedding-v4", "unknown"))),
            destination=Destination(protocol, "ap-southeast-1", "llm-1"),
        )
        body = read_response(
            _response(to_json(mutate_several_times(seed, random, _ANSWERED))), request_of("text-embedding-v4", protocol)
        )
        answer = embedding_wire(protocol).decode(body, call)
        assert len(answer.dense) == (2 if "dense" in kind else 0)
        assert len(answer.sparse) == (2 if "sparse" in kind else 0)
        assert all(type(number) is float for vector in answer.dense for number in vector)
        repr(answer)

    return embedding


def _rankings(protocol: ProtocolName) -> Target:
    def ranking(random: Random) -> None:
        call = RerankCall(
            model="qwen3-rerank",
            query="q",
            documents=["a", "b", "c"],
            top_n=random.choice((None, 2, 3, 5)),
            destination=Destination(protocol, "ap-southeast-1", "llm-1"),
        )
        body = read_response(
            _response(to_json(mutate_several_times(random.choice(RANKINGS[protocol]), random, _ANSWERED))),
            request_of("qwen3-rerank", protocol),
        )
        answer = rerank_wire(protocol).decode(body, call)
        scores = [score for _, score in answer.ranking]
        assert scores == sorted(scores, reverse=True)
        repr(answer)

    return ranking


def _lines(random: Random) -> None:
    line = to_json(mutate_several_times(random.choice(LINES), random, _ANSWERED))
    line = mutate_bytes(line, random) if random.random() < 0.2 else line
    read = read_line(line, model="qwen-plus", destination=Destination("openai", "ap-southeast-1", None))
    assert isinstance(read.custom_id, str)
    assert (read.body is None) != (read.error is None)


def _messages(protocol: ProtocolName) -> Target:
    def message(random: Random) -> None:
        given = [_message(random) for _ in range(random.choice((1, 1, 2, 4)))]
        model = random.choice(("qwen-plus", "qwen3.7-plus", "qwen3.5-omni-plus", "qwen-long", "unknown"))
        call = ChatCall(
            model=model,
            messages=given,
            parameters={},
            stream=random.random() < 0.5,
            profile=profile_of(model),
            destination=Destination(protocol, "ap-southeast-1", "llm-1"),
        )
        with forbid_opening():
            request = PROTOCOLS[protocol].chat.encode(call)
        _write(protocol, request)

    return message


def _message(random: Random) -> BaseMessage:
    if random.random() < 0.5:
        content = [
            mutate_several_times(block, random, _GIVEN) for block in random.choices(BLOCKS, k=random.choice((1, 1, 2)))
        ]
        kind: Callable[..., BaseMessage] = random.choice((HumanMessage, SystemMessage, AIMessage))
        return _message_with(
            kind if random.random() < 0.8 else functools.partial(ToolMessage, tool_call_id="c"), content
        )
    whole_message = random.choice(MESSAGES)
    field = random.choice(("content", "additional_kwargs", "tool_calls", "invalid_tool_calls", "name", "tool_call_id"))
    copied = whole_message.model_copy()
    if hasattr(copied, field):
        # Without validation, as a program can change a message that it has.
        copied.__dict__[field] = _mutate_field(getattr(copied, field), field, random)
    return copied


def _mutate_field(value: Any, field: str, random: Random) -> Any:
    """Return a field with a mutation inside; LangChain's own code relies on the type of the field itself."""
    changed = mutate_several_times(value, random, _GIVEN)
    kinds: dict[str, Any] = {"content": str | list, "additional_kwargs": dict}
    lists = field.endswith("calls")
    if lists and not (isinstance(changed, list) and all(isinstance(call, dict) for call in changed)):
        return value
    return changed if isinstance(changed, kinds.get(field, object)) else value


def _message_with(kind: Callable[..., BaseMessage], content: list[Any]) -> BaseMessage:
    try:
        return kind(content=content)
    except (ValidationError, RecursionError):
        # LangChain takes lists of strings and objects, whatever is in these.
        return kind(content=[block if isinstance(block, str | dict) and block != {} else "x" for block in content][:1])


_TRANSPORT: Any = OpenAITransport.__new__(OpenAITransport)


def _write(protocol: ProtocolName, request: Any) -> None:
    with _TRANSPORT._translate_errors(request):
        json.dumps(request.body, ensure_ascii=False, allow_nan=False).encode()
    assert request.body["model"], protocol


def _contents(random: Random) -> None:
    given = mutate_several_times(random.choice(CONTENTS), random, _GIVEN)
    model = random.choice(("qwen3-vl-embedding", "tongyi-embedding-vision-plus", "text-embedding-v4", "unknown"))
    with forbid_opening():
        read_contents(given, "Input 0", profile_of(model))


def _json_text(seeds: Sequence[Any], random: Random) -> str:
    data = to_json(mutate_several_times(random.choice(seeds), random, _ANSWERED))
    return (mutate_bytes(data, random) if random.random() < 0.3 else data).decode(errors="surrogateescape")


def _usage_files(random: Random) -> None:
    rows = rows_from_json(_json_text(USAGE_FILES, random))
    written = rows_to_csv(rows) + rows_to_markdown(rows)
    assert len(written) < 100_000
    assert not set(written) & set("\x1b\r\t\u202e\ud800")
    assert rows_from_json(rows_to_json(rows)) == rows


def _price_tables(random: Random) -> None:
    table = PriceTable.from_json(_json_text(PRICE_TABLES, random))
    cost = table.cost(random.choice(("qwen-plus", "qwen-flash", "unknown")), None, TokenCounts(10**9, 10**9, 2 * 10**9))
    assert cost is None or len(f"{cost:f}") < 100


def _check_hidden(text: str) -> None:
    assert "F0ZZ3D" not in text


def _workspaces(random: Random) -> None:
    values = mutate_several_times(random.choice(WORKSPACES), random, (*_HOSTS, *STRINGS, *_GIVEN))
    values = values if isinstance(values, dict) and all(isinstance(name, str) for name in values) else {}
    key = KEY if random.random() < 0.9 else KEY + random.choice(STRINGS)
    try:
        with warnings.catch_warnings(action="ignore"):
            workspace = QwenWorkspace(**{**values, "api_key": key})
    except ValidationError as error:
        _check_hidden(str(error))
        raise
    _check_hidden(repr(workspace))
    assert hash(workspace) == hash(workspace.model_copy())
    urls = [workspace.base_url_for(protocol) for protocol in PROTOCOLS if workspace.base_url is None]
    allowed = {region.shared_host for region in REGIONS.values()}
    for url in urls:
        parts = urlsplit(url)
        label, _, rest = (parts.hostname or "").partition(".")
        own = label == (workspace.workspace_id or "trial").lower() or label == "trial"
        assert parts.hostname in allowed or (own and rest == f"{workspace.region}.maas.aliyuncs.com"), url
        assert (parts.scheme, parts.username, parts.port) == ("https", None, None), url


_HOSTS = (
    "llm-1.evil.com",
    "llm-1.evil.com/",
    "evil.com#",
    "evil.com?",
    "a@evil.com",
    "a:b@evil.com",
    "evil\u3002com",
    "evil\uff0ecom",
    "evil\u2024com",
    "evil\u2025com",
    "xn--evil",
    "\u0435vil",
    "stra\u00dfe",
    "llm\u2010a",
    "\uff4c\uff4c\uff4d",
    "a" * 64,
    "a" * 65,
    "llm-1\n",
    "llm-1\r\nHost: evil.com",
    "llm-1\x00.evil.com",
    "llm-1%2eevil",
    "..",
    "-a",
    "trial",
    "TOKEN-PLAN",
    "moon",
    "SINGAPORE ",
    "ap-southeast-1.evil.com",
    "http://127.0.0.1",
    "https://evil.com@dashscope.aliyuncs.com",
    "https://dashscope.aliyuncs.com@evil.com",
    "https://[::1]:9/x",
    "https://[",
    "https://evil.com:99999",
    "http://0x7f.1",
    "javascript://x",
    "HTTPS://DASHSCOPE.ALIYUNCS.COM",
)


TARGETS: dict[str, Target] = {
    **{
        f"{protocol} {name}": make(protocol)
        for protocol in get_args(ProtocolName)
        for name, make in (
            ("answers", _answers),
            ("streams", _streams),
            ("bytes", _bytes),
            ("errors", _errors),
            ("embeddings", _embeddings),
            ("rankings", _rankings),
            ("messages", _messages),
        )
        if name not in {"embeddings", "rankings"} or PROTOCOLS[protocol].embeddings is not None
    },
    "batch lines": _lines,
    "contents": _contents,
    "workspaces": _workspaces,
    "usage files": _usage_files,
    "price tables": _price_tables,
}

ACCEPTED: dict[str, tuple[type[Exception], ...]] = {"workspaces": (ValidationError,)}
"""Other errors that a target may end in: pydantic's, which it makes of a refused field."""
