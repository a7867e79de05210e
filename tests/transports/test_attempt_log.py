"""The log of requests: each attempt once, in each way of calling, with no content and no key."""

import json
import logging
import re
import subprocess
import sys

import pytest

from langchain_qwen_workspace import QwenWorkspaceError
from langchain_qwen_workspace._seam import Destination, Request
from langchain_qwen_workspace._transports._attempt_log import AttemptLog, configure_log
from tests.support.protocols import ProtocolStub
from tests.support.server import Act, Reply, Server
from tests.support.ways import Ask

LOGGER = "langchain_qwen_workspace.requests"
KEY = "sk-S3CR3T-0123456789abcdef"


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, LOGGER)
    return caplog


def test_an_attempt_is_logged_with_its_facts(
    server: Server, stub: ProtocolStub, ask: Ask, log: pytest.LogCaptureFixture
) -> None:
    server.default = stub.reply_to
    ask(stub.llm(server))
    (line,) = lines_of(log)
    assert re.fullmatch(
        rf"POST 127\.0\.0\.1:\d+ protocol={stub.protocol} stream=(true|false) attempt=1 status=200 "
        r"request_id=\S+ first=\d+\.\d{3} s total=\d+\.\d{3} s",
        line,
    )


def test_each_attempt_is_numbered(server: Server, stub: ProtocolStub, ask: Ask, log: pytest.LogCaptureFixture) -> None:
    server.script(stub.error(503, "ServiceUnavailable", "Busy."))
    server.default = stub.reply_to
    ask(stub.llm(server, max_retries=1))
    assert [re.findall(r"attempt=(\d) status=(\d+)", line)[0] for line in lines_of(log)] == [("1", "503"), ("2", "200")]


def test_neither_content_nor_key_is_logged(
    server: Server, stub: ProtocolStub, ask: Ask, log: pytest.LogCaptureFixture
) -> None:
    server.script(stub.error(400, f"Bad.{KEY}", f"You said PR0MPT with {KEY}."))
    with pytest.raises(QwenWorkspaceError):
        ask(stub.llm(server, api_key=KEY, default_headers={"X-Token": "PR0MPT"}))
    assert lines_of(log)
    assert not re.search("S3CR3T|PR0MPT|Hi", " ".join(lines_of(log)))


def test_a_failed_connection_is_logged_by_its_class(
    server: Server, stub: ProtocolStub, ask: Ask, log: pytest.LogCaptureFixture
) -> None:
    server.default = lambda _: Reply((Act.DROP,))
    with pytest.raises(QwenWorkspaceError):
        ask(stub.llm(server))
    assert "status=APIConnectionError request_id=- first=- " in lines_of(log)[0]


def test_nothing_is_logged_by_default(
    server: Server, stub: ProtocolStub, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    server.default = stub.reply_to
    ask(stub.llm(server))
    assert lines_of(caplog) == []


def test_a_cancelled_attempt_is_logged_as_such(stub: ProtocolStub, log: pytest.LogCaptureFixture) -> None:
    request = Request(path="/x", body={}, model="m", destination=_destination(stub))
    AttemptLog(request, "https://host/v1", 1).end()
    assert "POST host " in lines_of(log)[0]
    assert "status=cancelled" in lines_of(log)[0]


def _destination(stub: ProtocolStub) -> Destination:
    return stub.llm("http://127.0.0.1:9").resolved_workspace()._destination(stub.protocol)


def test_the_environment_variable_prints_the_log_to_standard_error() -> None:
    code = (
        "from langchain_qwen_workspace import ChatQwenWorkspace\n"
        "try: ChatQwenWorkspace(model='qwen-plus', base_url='http://127.0.0.1:9', max_retries=0).invoke('PR0MPT')\n"
        "except Exception: pass\n"
    )
    done = subprocess.run(  # noqa: S603 - a program of this environment
        [sys.executable, "-c", code],
        env={"QWEN_WORKSPACE_LOG": "debug", "DASHSCOPE_API_KEY": KEY},
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
    )
    assert "langchain_qwen_workspace.requests POST 127.0.0.1:9 protocol=openai" in done.stderr
    assert "PR0MPT" not in done.stderr + json.dumps(done.stdout)


def test_an_unknown_value_of_the_variable_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_WORKSPACE_LOG", "loud")
    with pytest.warns(UserWarning, match=r"QWEN_WORKSPACE_LOG is 'loud'. Expected debug or off"):
        configure_log()
