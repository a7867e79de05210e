"""A process that forks with models in use: parent and children get their own answers, and nothing is sent twice."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# A server process that echoes the text of each request, so that a response of another process is noticed; it counts
# requests by their text. Parent and children call it at the same time with the models that the parent used before.
PROGRAM = r"""
import asyncio, json, os, ssl, sys, tempfile, threading, traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme

from langchain_qwen_workspace import (
    ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceEmbeddings, QwenWorkspaceRerank, WorkspaceGuard,
)

protocol, scheme, calls, children = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
seen, lock = {}, threading.Lock()


def number_of(text):
    return float(int.from_bytes(text.encode()[-6:], "big") % 1_000_003)


def respond(path, body):
    if "embed" in path:
        [text] = body["input"] if isinstance(body["input"], list) else body["input"]["texts"]
        row = {"index": 0, "text_index": 0, "embedding": [number_of(text), 1.0]}
        return text, {"data": [row], "output": {"embeddings": [row]}}
    if "rerank" in path:
        given = body.get("input", body)
        rows = [{"index": 0, "relevance_score": number_of(given["query"]) / 1_000_003}]
        return given["query"], {"results": rows, "output": {"results": rows}}
    messages = body["messages"] if "messages" in body else body["input"]["messages"]
    content = messages[-1]["content"]
    text = content if isinstance(content, str) else content[0]["text"]
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    choice["delta"] = choice["message"]
    return text, {"id": "x", "choices": [choice], "output": {"choices": [choice]}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["content-length"]))
        body = json.loads(raw)
        text, answer = respond(self.path, body)
        with lock:
            seen[text] = seen.get(text, 0) + 1
        streams = body.get("stream") or self.headers.get("x-dashscope-sse")
        data = json.dumps(answer).encode()
        data = b"data: " + data + b"\n\n" if streams else data
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if streams else "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        with lock:
            data = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def serve():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if scheme == "https":
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        authority.cert_pem.write_to_path(certificate)
    os.write(port_out, f"{server.server_address[1]:>5}".encode())
    server.serve_forever()


certificate = os.path.join(tempfile.mkdtemp(), "ca.pem")
port_in, port_out = os.pipe()
server_pid = os.fork()
if server_pid == 0:
    serve()
port = int(os.read(port_in, 5))
if scheme == "https":
    os.environ["SSL_CERT_FILE"] = certificate

workspace = QwenWorkspace(api_key=lambda: "sk-test", workspace_id="ws-test", base_url=f"{scheme}://127.0.0.1:{port}")
common = {"workspace": workspace, "protocol": protocol, "max_retries": 0, "guard": WorkspaceGuard(max_concurrency=4)}
llm = ChatQwenWorkspace(model="qwen-plus", **common)
embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v9", **common)
reranker = QwenWorkspaceRerank(model="qwen9-rerank", **common)


def call(text, runner):
    assert llm.invoke(text + "i").text == text + "i"
    assert "".join(chunk.text for chunk in llm.stream(text + "s")) == text + "s"
    assert runner.run(llm.ainvoke(text + "a")).text == text + "a"
    assert embeddings.embed_query(text + "e")[0] == number_of(text + "e")
    [ranked] = reranker.rerank(["one"], text + "r")
    assert ranked["relevance_score"] == number_of(text + "r") / 1_000_003


def work(name):
    with asyncio.Runner() as runner:
        for turn in range(calls):
            call(f"{name}.{turn:04}.", runner)


runner = asyncio.Runner()
for turn in range(3):
    call(f"warm.{turn}.", runner)
busy = threading.Thread(target=work, args=("beside",))
busy.start()
pids = []
for child in range(children):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(f"child{child}")
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    pids.append(pid)
work("parent")
busy.join()
for turn in range(3):
    call(f"after.{turn}.", runner)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
runner.close()

import httpx

counts = httpx.get(f"{scheme}://127.0.0.1:{port}/").json()
os.kill(server_pid, 9)
os.waitpid(server_pid, 0)
expected = (3 + 3 + calls * (2 + children)) * 5
doubled = [text for text, number in counts.items() if number > 1]
print(json.dumps({"codes": codes, "doubled": doubled, "missing": expected - len(counts)}))
"""


def run_forks(protocol: str, scheme: str, calls: int, children: int) -> str:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", textwrap.dedent(PROGRAM), protocol, scheme, str(calls), str(children)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("protocol", ["openai", "dashscope"])
def test_parent_and_children_get_their_own_answers(protocol: str, scheme: str) -> None:
    printed = run_forks(protocol, scheme, calls=8, children=2)
    assert printed == '{"codes": [0, 0], "doubled": [], "missing": 0}\n'


@pytest.mark.nightly
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("protocol", ["openai", "dashscope"])
def test_four_children_and_the_parent_call_two_hundred_times(protocol: str, scheme: str) -> None:
    printed = run_forks(protocol, scheme, calls=40, children=4)
    assert printed == '{"codes": [0, 0, 0, 0], "doubled": [], "missing": 0}\n'
