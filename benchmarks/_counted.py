"""What `benchmarks.instructions` counts: a stream and a call with a long history, without a network.

The bytes are handed to the SDKs' HTTP libraries below their connection pool, so that the counts depend on nothing but
the code: no socket, no server, no collection of garbage. Each case is run once before, and at the end by a C function,
by which callgrind knows when to count; imports call it too, for what they make of strings, but no case does.
"""

import ctypes
import gc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import httpx2

from benchmarks import _chat_answers
from benchmarks._chat_contenders import KEY
from benchmarks._chat_measures import PROMPT, conversation
from langchain_qwen_workspace import ChatQwenWorkspace

# The one calls the other; callgrind does not see what libffi itself calls.
RUN_BY, COUNTED_BY = "PyRun_SimpleStringFlags", "PyRun_StringFlags"
EVENTS, MESSAGES = 1000, 200


def _answer(library: Any, wire: _chat_answers.Wire, request: Any) -> Any:
    if b'"stream":true' not in request.content and "x-dashscope-sse" not in request.headers:
        return library.Response(200, headers={"content-type": "application/json"}, content=_body(wire))

    def pieces() -> Iterator[bytes]:
        for chunk in _chat_answers.stream(wire, "text", EVENTS)[1:-1]:
            yield chunk.partition(b"\r\n")[2][:-2]

    return library.Response(200, headers={"content-type": "text/event-stream"}, content=pieces())


def _body(wire: _chat_answers.Wire) -> bytes:
    return _chat_answers.plain(wire).partition(b"\r\n\r\n")[2]


def _model(protocol: str, library: Any, wire: _chat_answers.Wire) -> ChatQwenWorkspace:
    client = library.Client(transport=library.MockTransport(partial(_answer, library, wire)))
    return ChatQwenWorkspace(
        model=_chat_answers.MODEL, protocol=protocol, api_key=KEY, base_url="http://127.0.0.1", http_client=client
    )


def cases() -> dict[str, Callable[[], object]]:
    """Return what is counted, by name."""
    found: dict[str, Callable[[], object]] = {}
    models = {
        "openai": _model("openai", httpx2, "compatible"),
        "dashscope": _model("dashscope", httpx, "native"),
    }
    for protocol, model in models.items():
        found[f"stream, {protocol}"] = partial(_drained, model)
        found[f"history, {protocol}"] = partial(model.invoke, conversation(MESSAGES))
    return found


def _drained(model: ChatQwenWorkspace) -> int:
    return sum(1 for _ in model.stream(PROMPT))


CASES = list(cases().values())

if __name__ == "__main__":
    for case in CASES:
        case()
    gc.collect()
    gc.disable()
    for number in range(len(CASES)):
        getattr(ctypes.pythonapi, RUN_BY)(f"CASES[{number}]()".encode(), None)
