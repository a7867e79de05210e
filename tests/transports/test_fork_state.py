"""What the parent holds at the moment of a fork does not stop its child: locks, slots, a key being asked for."""

import json
import subprocess
import sys

import pytest

PROGRAM = r"""
import json, os, signal, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from langchain_qwen_workspace import ChatQwenWorkspace, WorkspaceGuard
from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler

choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "input_tokens": 1, "output_tokens": 1}
ANSWER = json.dumps({"id": "x", "choices": [choice], "output": {"choices": [choice]}, "usage": usage}).encode()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
parent, held, never = os.getpid(), threading.Event(), threading.Event()


def ask():
    if os.getpid() == parent:
        held.set()
        never.wait()
    return "sk-1"


def hold(lock):
    lock.acquire()
    held.set()
    never.wait()


def hold_slot(guard):
    with guard.slot("ws-1", "qwen-plus"):
        held.set()
        never.wait()


def make(**fields):
    return ChatQwenWorkspace(**{
        "model": "qwen-plus", "api_key": "sk-1", "workspace_id": "ws-1", "max_retries": 0,
        "base_url": f"http://127.0.0.1:{server.server_address[1]}", "protocol": sys.argv[1], **fields,
    })


def scenario_key():
    llm = make(api_key=ask)
    return llm.invoke, llm.invoke


def scenario_slot():
    guard = WorkspaceGuard(max_concurrency=1)
    llm = make(guard=guard)
    return lambda _: hold_slot(guard), llm.invoke


def scenario_guard_lock():
    guard = WorkspaceGuard(max_concurrency=1)
    llm = make(guard=guard)
    return lambda _: hold(guard._limits._lock), llm.invoke


def scenario_ledger_lock():
    handler = WorkspaceUsageCallbackHandler()
    llm = make(callbacks=[handler])
    llm.invoke("Hi")
    return lambda _: hold(handler._ledger._lock), llm.invoke


def scenario_client():
    llm = make(http_client=httpx.Client())
    llm.invoke("Hi")
    return lambda _: held.set(), llm.invoke


def run(scenario):
    "Hold what the scenario holds in a thread, fork, and call in the child."
    block, call = scenario()
    held.clear()
    threading.Thread(target=block, args=("Hi",), daemon=True).start()
    assert held.wait(60)
    into, out = os.pipe()
    if os.fork() == 0:
        signal.alarm(60)
        try:
            text = call("Hi").text
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        os.write(out, text.encode())
        os._exit(0)
    os.close(out)
    os.wait()
    return os.read(into, 10_000).decode()


print(json.dumps({name[9:]: run(scenario) for name, scenario in tuple(globals().items()) if name[:9] == "scenario_"}))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module", params=["openai", "dashscope"])
def answers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return what the child of each scenario was answered."""
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, request.param], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, str] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("held", ["key", "slot", "guard_lock", "ledger_lock"])
def test_a_child_calls_although_its_parent_held_something_at_the_fork(answers: dict[str, str], held: str) -> None:
    assert answers[held] == "Hello"


def test_a_users_client_is_refused_in_a_child(answers: dict[str, str]) -> None:
    assert "ConfigurationError: `http_client` was passed in process" in answers["client"]
    assert "after the fork" in answers["client"]
