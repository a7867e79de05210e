"""The local server that the cookbook calls: your own if `QWEN_LOCAL_URL` names one, a scripted stand-in otherwise."""

import atexit
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "Qwen/Qwen3-8B"


def local_server() -> str:
    """Choose the server, print which one it is, and return its base URL."""
    if url := os.environ.get("QWEN_LOCAL_URL"):
        print(f"QWEN_LOCAL_URL is set: the server at {url} answers.")
        return url
    server = ThreadingHTTPServer(("127.0.0.1", 0), _StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    atexit.register(server.shutdown)
    print("QWEN_LOCAL_URL is not set: a stand-in answers, in the form of vLLM's answers. It is not a language model.")
    return f"http://127.0.0.1:{server.server_port}/v1"


class _StandIn(BaseHTTPRequestHandler):
    """Answers as vLLM does with `--reasoning-parser qwen3`; it says what the last message was."""

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_POST(self) -> None:
        """Answer one chat request."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = _message_for(request)
        reason = "tool_calls" if "tool_calls" in message else "stop"
        usage = {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20}
        if not request.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            self._send("application/json", json.dumps({"model": MODEL, "choices": [choice], "usage": usage}))
            return
        events: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in _deltas_of(message)
        ]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        events.append({"choices": [], "usage": usage})
        frames = [json.dumps({"model": MODEL, **event}) for event in events]
        self._send("text/event-stream", "".join(f"data: {frame}\n\n" for frame in [*frames, "[DONE]"]))

    def _send(self, kind: str, body: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())


def _message_for(request: dict[str, Any]) -> dict[str, Any]:
    last = request["messages"][-1]
    thinks = request.get("chat_template_kwargs", {}).get("enable_thinking", True)
    message: dict[str, Any] = {"role": "assistant", "content": f"You wrote: {last['content']}"}
    if thinks:
        message["reasoning"] = "The stand-in repeats the last message."
    if request.get("tools") and last["role"] == "user":
        function = {"name": request["tools"][0]["function"]["name"], "arguments": '{"city": "Hangzhou"}'}
        message |= {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    return message


def _deltas_of(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("reasoning", "content"):
        for word in (message.get(name) or "").split(" "):
            yield {name: f"{word} "}
    if calls := message.get("tool_calls"):
        yield {"tool_calls": [{"index": index, **call} for index, call in enumerate(calls)]}
