"""The program whose instructions `benchmarks.instructions` counts: a stream, and a call with a long history.

A mock transport hands the bytes to the SDKs' HTTP libraries below their connection pool, so that the counts depend on
the code alone: no socket, no server, no garbage collection. Each case runs once to warm up, and then within a C
function by whose name callgrind starts and stops counting. Imports call that function too, but no case does.
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

# ctypes calls the first one, which calls the second one: callgrind does not see the function that libffi calls.
CALLED_FUNCTION, COUNTED_FUNCTION = "PyRun_SimpleStringFlags", "PyRun_StringFlags"
EVENTS, MESSAGES = 1000, 200


def _respond(library: Any, protocol: str, request: Any) -> Any:
    if b'"stream":true' not in request.content and "x-dashscope-sse" not in request.headers:
        return library.Response(200, headers={"content-type": "application/json"}, content=_body(protocol))

    def pieces() -> Iterator[bytes]:
        for chunk in _chat_answers.stream(protocol, "text", EVENTS)[1:-1]:
            yield chunk.partition(b"\r\n")[2][:-2]

    return library.Response(200, headers={"content-type": "text/event-stream"}, content=pieces())


def _body(protocol: str) -> bytes:
    return _chat_answers.plain(protocol).partition(b"\r\n\r\n")[2]


def _model(protocol: str, library: Any) -> ChatQwenWorkspace:
    client = library.Client(transport=library.MockTransport(partial(_respond, library, protocol)))
    return ChatQwenWorkspace(
        model=_chat_answers.MODEL, protocol=protocol, api_key=KEY, base_url="http://127.0.0.1", http_client=client
    )


def cases() -> dict[str, Callable[[], object]]:
    """Return the calls to count, by name."""
    found: dict[str, Callable[[], object]] = {}
    for protocol, library in (("openai", httpx2), ("dashscope", httpx)):
        model = _model(protocol, library)
        found[f"stream, {protocol}"] = partial(_count_chunks, model)
        found[f"history, {protocol}"] = partial(model.invoke, conversation(MESSAGES))
    return found


def _count_chunks(model: ChatQwenWorkspace) -> int:
    return sum(1 for _ in model.stream(PROMPT))


CASES = list(cases().values())

if __name__ == "__main__":
    for case in CASES:
        case()
    gc.collect()
    gc.disable()
    for number in range(len(CASES)):
        getattr(ctypes.pythonapi, CALLED_FUNCTION)(f"CASES[{number}]()".encode(), None)
