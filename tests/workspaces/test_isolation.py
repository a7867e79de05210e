"""Workspaces do not mix with each other or with the settings of the SDKs, and the SDKs are not changed."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dashscope
import dashscope.common.constants
import dashscope.common.env
import dashscope.v2
import openai
import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceEmbeddings
from tests.support.protocols import DASHSCOPE, OPENAI, PROTOCOLS, ProtocolStub, reply_to_any
from tests.support.server import Received, Reply, Server, json_reply
from tests.support.transports import http_transport_of
from tests.support.ways import Ask

ROOT = Path(__file__).parent.parent.parent

OPENAI_SETTINGS = {
    "OPENAI_API_KEY": "sk-junk-key",
    "OPENAI_ADMIN_KEY": "sk-junk-admin",
    "OPENAI_ORG_ID": "junk-organization",
    "OPENAI_PROJECT_ID": "junk-project",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/junk",
    "OPENAI_WEBHOOK_SECRET": "junk-webhook",
    "OPENAI_CUSTOM_HEADERS": "X-Junk: junk-header\nAuthorization: Bearer junk-authorization",
}
DASHSCOPE_SETTINGS = {
    "DASHSCOPE_TIMEOUT": "0.001",
    "DASHSCOPE_MAX_RETRIES": "7",
    "DASHSCOPE_PROTOCOL": "anthropic",
    "DASHSCOPE_HTTP_BASE_URL": "http://127.0.0.1:9/junk",
    "DASHSCOPE_WEBSOCKET_BASE_URL": "ws://127.0.0.1:9/junk",
    "DASHSCOPE_HTTP_MAX_KEEPALIVE_CONNECTIONS": "1",
}
DASHSCOPE_FILE = """
api_key = "sk-junk-key"
base_url = "http://127.0.0.1:9/junk"
workspace = "junk-workspace"
region = "cn-beijing"
protocol = "anthropic"
timeout = 0.001
max_retries = 7
http_max_connections = -1
"""


# ---------------------------------------------------------------------------------------------- two workspaces


def echo(stub: ProtocolStub) -> Callable[[Received], Reply]:
    def reply(received: Received) -> Reply:
        if "embeddings" not in received.path:
            return stub.answer(received.text, 0.002)
        if stub.is_dashscope:
            return json_reply({"output": {"embeddings": [{"text_index": 0, "embedding": [1.0] * 64}]}})
        return json_reply({"data": [{"index": 0, "embedding": [1.0] * 64}]})

    return reply


def make_pair(
    stub: ProtocolStub, server: Server, fresh_server: Server
) -> list[tuple[Server, str, ChatQwenWorkspace, QwenWorkspaceEmbeddings]]:
    pair = []
    for name, region, there in (("a", "beijing", server), ("b", "tokyo", fresh_server)):
        there.default = echo(stub)
        team = QwenWorkspace(api_key=f"sk-{name}", workspace_id=f"ws-{name}", region=region, base_url=there.url)
        llm = ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, workspace=team)
        embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", protocol=stub.protocol, workspace=team)
        pair.append((there, name, llm, embeddings))
    return pair


def assert_no_mixing(pair: list[Any], number: int) -> None:
    for there, name, *_ in pair:
        assert len(there.requests) == number
        host = there.url.removeprefix("http://")
        for received in there.requests:
            assert received.headers["authorization"] == f"Bearer sk-{name}"
            assert received.headers["x-dashscope-workspace"] == f"ws-{name}"
            assert received.headers["host"] == host
            other = "b" if name == "a" else "a"
            assert f"sk-{other}" not in received.everything
            assert f"ws-{other}" not in received.everything


def test_calls_of_two_workspaces_do_not_mix_in_threads(
    server: Server, fresh_server: Server, stub: ProtocolStub
) -> None:
    pair = make_pair(stub, server, fresh_server)
    start = threading.Barrier(8)

    def ask(number: int) -> None:
        start.wait(10)
        for turn in range(5):
            _, name, llm, embeddings = pair[(number + turn) % 2]
            text = f"{name}.{number}.{turn}"
            answer = llm.invoke(text)
            assert (answer.content, answer.response_metadata["workspace_id"]) == (text, f"ws-{name}")
            assert embeddings.embed_query(text) == [1.0] * 64

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert_no_mixing(pair, 8 * 5)


def test_calls_of_two_workspaces_do_not_mix_in_tasks(
    server: Server, fresh_server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    pair = make_pair(stub, server, fresh_server)

    async def ask(number: int) -> None:
        for turn in range(3):
            _, name, llm, embeddings = pair[(number + turn) % 2]
            text = f"{name}.{number}.{turn}"
            answer = await llm.ainvoke(text)
            assert (answer.content, answer.response_metadata["region"]) == (
                text,
                "cn-beijing" if name == "a" else "ap-northeast-1",
            )
            assert await embeddings.aembed_query(text) == [1.0] * 64

    async def main() -> None:
        await asyncio.gather(*(ask(number) for number in range(12)))

    runner.run(main())
    assert_no_mixing(pair, 12 * 3)


def test_calls_over_two_protocols_do_not_mix(server: Server) -> None:
    server.default = reply_to_any
    team = QwenWorkspace(api_key="sk-1", workspace_id="ws-1", base_url=server.url)
    models = [ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team) for protocol in PROTOCOLS]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: models[number % len(models)].invoke("Hi"), range(12)))
    assert [answer.response_metadata["protocol"] for answer in answers] == [*PROTOCOLS] * 6
    assert {received.headers["authorization"] for received in server.requests} == {"Bearer sk-1"}


def test_options_bound_to_a_call_are_not_sent_with_the_next_one(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server)
    llm.bind(temperature=0.5, model="qwen-flash", stop=["x"]).invoke("Hi")
    llm.invoke("Hi")
    first, second_ = (json.dumps(body) for body in server.bodies)
    assert "qwen-flash" in first
    for trace in ("qwen-flash", "temperature", "stop"):
        assert trace not in second_


# ---------------------------------------------------------------------------------------- settings of the SDKs


def requests_with_junk(server: Server) -> list[str]:
    return [received.everything for received in server.requests if "junk" in received.everything.lower()]


def test_openai_variables_are_neither_read_nor_sent(
    fresh_server: Server, stub: ProtocolStub, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OPENAI_SETTINGS.items():
        monkeypatch.setenv(name, value)
    fresh_server.default = stub.reply_to
    assert ask(stub.llm(fresh_server)).content == "Hello"
    assert ask(stub.llm(fresh_server, default_headers={"X-Team": "a"})).content == "Hello"
    assert len(fresh_server.requests) == 2
    assert requests_with_junk(fresh_server) == []
    for received in fresh_server.requests:
        assert received.headers["authorization"] == "Bearer sk-test"
        assert not {name for name in received.headers if name.startswith("openai-")}


def test_the_openai_client_has_no_value_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OPENAI_SETTINGS.items():
        monkeypatch.setenv(name, value)
    llm = OPENAI.llm("http://127.0.0.1:1", default_headers={"X-Team": "junk-free"})
    names = ("api_key", "admin_api_key", "organization", "project", "webhook_secret", "base_url", "default_headers")
    with http_transport_of(llm)._client() as client:
        held = {name: repr(getattr(client, name)).replace("junk-free", "") for name in names}
    assert {name: value for name, value in held.items() if "junk" in value} == {}


def test_openai_api_key_is_not_used_as_the_key(
    server: Server, stub: ProtocolStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-junk-key")
    with pytest.raises(Exception, match="DASHSCOPE_API_KEY"):
        ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, base_url=server.url).invoke("Hi")
    assert server.requests == []


@pytest.fixture(params=["HOME", "DASHSCOPE_CONFIG"])
def _dashscope_settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Put wrong settings wherever the DashScope SDK looks for settings."""
    config = tmp_path / ".dashscope" / "config.toml"
    config.parent.mkdir()
    config.write_text(DASHSCOPE_FILE)
    (config.parent / "api_key").write_text("sk-junk-file")
    if request.param == "HOME":
        monkeypatch.setenv("HOME", str(tmp_path))
    else:
        monkeypatch.setenv("DASHSCOPE_CONFIG", str(config))
        monkeypatch.setenv("DASHSCOPE_API_KEY_FILE_PATH", str(config.parent / "api_key"))
    for name, value in DASHSCOPE_SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_dashscope_settings")
def test_dashscope_settings_files_and_variables_are_not_read(
    fresh_server: Server, stub: ProtocolStub, ask: Ask
) -> None:
    fresh_server.default = stub.reply_to
    fresh_server.script(stub.error(503, "ModelUnavailable", "Later."))
    llm = stub.llm(fresh_server, workspace_id=None)
    with pytest.raises(Exception, match="Later"):
        ask(llm)
    assert ask(llm).content == "Hello"
    assert len(fresh_server.requests) == 2
    assert requests_with_junk(fresh_server) == []
    for received in fresh_server.requests:
        assert received.headers["authorization"] == "Bearer sk-test"
        assert "x-dashscope-workspace" not in received.headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DASHSCOPE_TIMEOUT", "soon"),
        ("DASHSCOPE_MAX_RETRIES", "many"),
        ("DASHSCOPE_HTTP_MAX_CONNECTIONS", "0"),
        ("DASHSCOPE_HTTP_KEEPALIVE_EXPIRY", "0"),
    ],
)
def test_invalid_dashscope_variables_do_not_matter(
    fresh_server: Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    fresh_server.default = DASHSCOPE.reply_to
    assert DASHSCOPE.llm(fresh_server).invoke("Hi").content == "Hello"


def test_dashscope_connection_limits_do_not_apply(
    fresh_server: Server, monkeypatch: pytest.MonkeyPatch, runner: asyncio.Runner
) -> None:
    monkeypatch.setenv("DASHSCOPE_HTTP_MAX_CONNECTIONS", "1")
    fresh_server.default = lambda _: DASHSCOPE.answer("Hello", 0.05)
    llm = DASHSCOPE.llm(fresh_server)

    async def main() -> None:
        await asyncio.gather(*(llm.ainvoke("Hi") for _ in range(4)))

    runner.run(main())
    assert fresh_server.peak > 1


# ------------------------------------------------------------------------------------------- processes of their own

# LangChain's own classes import an HTTP library already, for tracing.
IMPORT_SCRIPT = """
import sys
import langchain_core.embeddings, langchain_core.language_models.chat_models, langchain_core.tools, langsmith

langsmith.Client
HEAVY = {
    "openai", "dashscope", "httpx", "httpx2", "requests", "aiohttp", "uvicorn", "starlette", "numpy",
    "langchain", "langchain_openai", "tiktoken",
}
before = HEAVY & set(sys.modules)

import langchain_qwen_workspace
from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceEmbeddings
from langchain_qwen_workspace._protocols import PROTOCOLS

def loaded():
    return sorted((HEAVY & set(sys.modules)) - before)

print("imported", loaded())
for protocol in PROTOCOLS:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, api_key="sk-1", base_url="http://127.0.0.1:1")
    if PROTOCOLS[protocol].embeddings is not None:
        QwenWorkspaceEmbeddings(model="text-embedding-v4", protocol=protocol)
    llm.bind_tools([])
    repr(llm), llm.model_dump_json(), llm.model_copy(update={"region": "tokyo"}).resolved_workspace()
print("made", loaded(), "openai" in sys.modules, "dashscope" in sys.modules)
"""


def run_python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this interpreter and the text above
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )


def sdk_attributes() -> dict[str, object]:
    modules = (dashscope, dashscope.common.env, dashscope.common.constants, openai)
    found = {f"{module.__name__}.{name}": id(value) for module in modules for name, value in vars(module).items()}
    settings = {name: getattr(dashscope.v2.settings, name) for name in SDK_SETTINGS}
    return found | settings | {"http": dashscope.base_http_api_url, "ws": dashscope.base_websocket_api_url}


SDK_SETTINGS = (
    "api_key",
    "base_url",
    "workspace",
    "region",
    "protocol",
    "timeout",
    "max_retries",
    "websocket_base_url",
)


@pytest.mark.filterwarnings("ignore:no workspace configured")
def test_calls_change_no_attribute_of_the_sdks(server: Server, runner: asyncio.Runner) -> None:
    def reply(received: Received) -> Reply:
        row = {"index": 0, "text_index": 0, "embedding": [1.0] * 64}
        vectors = json_reply({"data": [row], "output": {"embeddings": [row]}})
        return vectors if "embeddings" in received.path else reply_to_any(received)

    server.default = reply
    before = sdk_attributes()
    for protocol in PROTOCOLS:
        for name in ("a", "b"):
            team = QwenWorkspace(api_key=f"sk-{name}", workspace_id=f"ws-{name}", region="tokyo", base_url=server.url)
            llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team, timeout=9, max_retries=5)
            embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", protocol=protocol, workspace=team)
            llm.invoke("Hi")
            list(llm.stream("Hi"))
            runner.run(llm.ainvoke("Hi"))
            embeddings.embed_query("Hi")
            runner.run(embeddings.aembed_query("Hi"))
    after = sdk_attributes()
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == set()
    assert len(server.requests) == len(PROTOCOLS) * 2 * 5


def test_importing_the_package_and_making_models_imports_no_sdk() -> None:
    done = run_python(IMPORT_SCRIPT)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["imported []", "made [] False False"]
