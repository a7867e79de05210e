"""Runs verifications against a sandbox, and against a sandbox that behaves otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace._usage.price_lists import price_list
from langchain_qwen_workspace._verify.beliefs import load_beliefs
from langchain_qwen_workspace._verify.budget import Budget
from langchain_qwen_workspace._verify.recorder import Exchange
from langchain_qwen_workspace._verify.recording import RecordingWriter
from langchain_qwen_workspace._verify.run import Run
from langchain_qwen_workspace._verify.verification import anonymizer_for, verification

REGION = "cn-beijing"


@dataclass
class Answer:
    """A response, to be changed."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)

    def replace(self, old: str, new: str) -> None:
        self.text = self.text.replace(old, new)

    def refuse(self, status: int, code: str, message: str) -> None:
        self.status, self.text = status, json.dumps({"code": code, "message": message, "request_id": "r"})
        self.headers = {"content-type": "application/json"}


Key = tuple[str, str, bytes, str | None, str | None]


class Service(httpx.BaseTransport):
    """A transport that keeps the sandbox's answers, so that runs after the first need no server, and changes them.

    Attributes:
        change_request: Changes the JSON body, given method and path.
        change_answer: Changes the answer, given path and body.
    """

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()
        self._kept: dict[Key, list[Answer]] = {}
        self._served: dict[Key, int] = {}
        self.requests = 0
        self.change_request: Callable[[str, dict[str, Any], httpx.Headers], None] = lambda *_: None
        self.change_answer: Callable[[str, dict[str, Any], Answer], None] = lambda *_: None

    def begin(self) -> None:
        """Serve the kept answers from their beginning, unchanged."""
        self._served.clear()
        self.requests = 0
        self.change_request = lambda *_: None
        self.change_answer = lambda *_: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        content = request.read()
        body = _json(content)
        path = request.url.raw_path.decode()
        self.change_request(path, body, request.headers)
        if body and body != _json(content):
            content = json.dumps(body).encode()
        answer = self._answer(request, content)
        changed = Answer(answer.status, answer.text, dict(answer.headers))
        self.change_answer(path, body, changed)
        # As a stream, which is read as it would arrive.
        stream = httpx.ByteStream(changed.text.encode())
        return httpx.Response(changed.status, headers=changed.headers, stream=stream, request=request)

    def _answer(self, request: httpx.Request, content: bytes) -> Answer:
        names = ("authorization", "x-dashscope-workspace")
        key = (
            request.method,
            str(request.url),
            content if request.headers.get("content-type", "").startswith("application/json") else b"",
            *(request.headers.get(name) for name in names),
        )
        kept, number = self._kept.setdefault(key, []), self._served.get(key, 0)
        self._served[key] = number + 1
        if number >= len(kept):
            headers = {k: v for k, v in request.headers.items() if k.lower() != "content-length"}
            sent = httpx.Request(request.method, request.url, headers=headers, content=content)
            response = self._inner.handle_request(sent)
            text = response.read().decode()
            shown = {name: value for name, value in response.headers.items() if name != "content-length"}
            kept.append(Answer(response.status_code, text, shown))
        return kept[number]

    def close(self) -> None:
        """Stay open: runs share it."""

    def end(self) -> None:
        """Close the connections."""
        self._inner.close()


def make_budget(limit: str = "10") -> Budget:
    return Budget(Decimal(limit), price_list("cn-2026-08-20"), REGION)


def run_checks(
    workspace: QwenWorkspace,
    names: Sequence[str] = (),
    *,
    write: Callable[[Exchange], None] = lambda _: None,
    budget: Budget | None = None,
    **options: Any,
) -> Run:
    """Run checks to their end, and return the run."""
    beliefs = load_beliefs().select(names)
    with verification(workspace, beliefs, budget or make_budget(), write, poll_interval=0, **options) as run:
        run.execute()
    return run


def verdicts(run: Run) -> Mapping[str, str]:
    return {result.belief.id: result.verdict for result in run.results}


def otherwise(run: Run) -> set[str]:
    return {name for name, verdict in verdicts(run).items() if verdict == "otherwise"}


def bodies(events: str) -> Iterator[Any]:
    for line in events.splitlines():
        if line.startswith("data:") and "[DONE]" not in line:
            yield json.loads(line[5:])


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def record(path: Path, workspace: QwenWorkspace) -> Iterator[Callable[[Exchange], None]]:
    """Yield what writes exchanges to a recording."""
    with path.open("w", encoding="utf-8") as file:
        yield RecordingWriter(file, anonymizer_for(workspace)).write
