"""Starting, stopping, workspaces, the request log and the command line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

import langchain_qwen_workspace.sandbox as package
from langchain_qwen_workspace.sandbox import Sandbox, SandboxWorkspace
from langchain_qwen_workspace.sandbox.__main__ import main
from tests.sandbox.support import (
    OPENAI_CHAT,
    user,
)

_BODY = {"model": "qwen-plus", "messages": [user("Hello")]}


def _post(sandbox: Sandbox, workspace: SandboxWorkspace, path: str = OPENAI_CHAT) -> httpx.Response:
    headers = {"authorization": f"Bearer {workspace.api_key}"}
    return httpx.post(sandbox.base_url + path, json=_BODY, headers=headers)


def test_public_names() -> None:
    assert package.__all__ == ["Sandbox", "SandboxAccessKey", "SandboxRequest", "SandboxWorkspace"]


def test_starts_within_300_ms_of_processor_time_and_leaves_no_thread() -> None:
    before = threading.active_count()
    began = time.process_time()
    sandbox = Sandbox()
    with sandbox:
        assert time.process_time() - began < 0.3
        url = sandbox.base_url
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        assert _post(sandbox, sandbox.add_workspace("a")).status_code == 200
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    sandbox.close()


def test_a_closed_sandbox_starts_again_with_its_workspaces() -> None:
    sandbox = Sandbox()
    workspace = sandbox.add_workspace("a")
    for _ in range(2):
        with sandbox:
            assert sandbox.start() is sandbox
            assert _post(sandbox, workspace).status_code == 200


def test_two_sandboxes_accept_only_their_own_keys() -> None:
    with Sandbox() as one, Sandbox() as two:
        a, b = one.add_workspace("team"), two.add_workspace("team")
        assert a.api_key != b.api_key
        assert _post(one, a).status_code == 200
        assert _post(two, a).status_code == 401
        assert (len(one.requests), len(two.requests)) == (1, 1)


def test_a_given_port_is_used_and_a_taken_one_refused() -> None:
    with Sandbox() as first:
        port = int(first.base_url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="is taken by another program"):
            Sandbox(port=port).start()
    with Sandbox(port=port) as second:
        assert second.base_url.endswith(f":{port}")


def test_repr_shows_whether_a_sandbox_runs() -> None:
    assert repr(Sandbox()) == "Sandbox(not started)"
    with Sandbox() as sandbox:
        assert repr(sandbox) == f"Sandbox({sandbox.base_url})"


def test_a_server_that_does_not_start_raises_and_can_be_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match=r"did not start on 127\.0\.0\.1:"):
        sandbox.start()
    monkeypatch.undo()
    with sandbox:
        assert _post(sandbox, sandbox.add_workspace("a")).status_code == 200


def test_close_does_not_wait_for_slow_responses() -> None:
    with Sandbox() as sandbox:
        workspace = sandbox.add_workspace("a")
        sandbox.fail_next(delay=30)
        answers: list[int] = []
        waiting = threading.Thread(target=lambda: answers.append(_post(sandbox, workspace).status_code))
        waiting.start()
        while not sandbox.requests:
            time.sleep(0.01)
        began = time.monotonic()
    assert time.monotonic() - began < 15
    waiting.join(60)
    assert answers == [500]


async def test_works_inside_a_running_event_loop() -> None:
    with Sandbox() as sandbox:
        workspace = sandbox.add_workspace("a")
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {workspace.api_key}"}) as client:
            assert (await client.post(sandbox.base_url + OPENAI_CHAT, json=_BODY)).status_code == 200


def test_small_responses_do_not_wait_for_delayed_acks() -> None:
    """Nagle's algorithm together with delayed ACKs costs 40 ms for each response."""
    with Sandbox() as sandbox:
        workspace = sandbox.add_workspace("a")
        with httpx.Client(headers={"authorization": f"Bearer {workspace.api_key}"}) as client:
            # A busy machine delays many responses, a late ACK all but the first ones, which TCP acknowledges at once.
            for number in range(1000):
                began = time.monotonic()
                client.post(sandbox.base_url + OPENAI_CHAT, json=_BODY)
                if number >= 30 and time.monotonic() - began < 0.03:
                    return
    pytest.fail("Every response took 30 ms or more.")


def test_workspace_returns_a_qwen_workspace() -> None:
    with Sandbox() as sandbox:
        given = sandbox.workspace("team-a", models=["qwen-plus"], region="cn-beijing")
        plain = sandbox.add_workspace("team-a", models=["qwen-plus"], region="cn-beijing")
    assert isinstance(given.api_key, SecretStr)
    assert given.api_key.get_secret_value() == plain.api_key
    assert (given.workspace_id, given.region, given.base_url) == ("llm-team-a", "cn-beijing", sandbox.base_url)


def test_each_workspace_has_its_own_id_and_key() -> None:
    sandbox = Sandbox()
    team = sandbox.add_workspace("Team A", models=["qwen-plus"], region="eu-central-1")
    assert (team.name, team.workspace_id, team.region) == ("Team A", "llm-team-a", "eu-central-1")
    assert re.fullmatch(r"sk-sandbox-[0-9a-f]{32}", team.api_key)
    assert team.api_key not in repr(team)
    again = sandbox.add_workspace("Team A", models=["qwen-plus"], region="eu-central-1")
    assert (again, again.api_key) == (team, team.api_key)
    assert sandbox.add_workspace("team-a").workspace_id == "llm-team-a-2"
    with pytest.raises(ValueError, match="open with other models"):
        sandbox.add_workspace("Team A")


def test_rotate_key_replaces_the_key_of_the_same_workspace() -> None:
    with Sandbox() as sandbox:
        before = sandbox.add_workspace("team", models=["qwen-plus"])
        other = sandbox.add_workspace("other")
        key = sandbox.rotate_key("team")
        after = sandbox.add_workspace("team", models=["qwen-plus"])
        assert key == after.api_key != before.api_key
        assert (after.workspace_id, after) == ("llm-team", before)
        answered = [_post(sandbox, workspace).status_code for workspace in (before, after, other)]
        assert answered == [401, 200, 200]
        assert [request.workspace for request in sandbox.requests] == [None, "team", "other"]
        with pytest.raises(ValueError, match="no workspace 'nobody'"):
            sandbox.rotate_key("nobody")


def test_unknown_models_and_a_string_of_models_are_refused() -> None:
    with pytest.raises(ValueError, match="does not know \\['gpt-4'\\]"):
        Sandbox().add_workspace("a", models=["qwen-plus-latest", "gpt-4"])
    with pytest.raises(TypeError, match="list of model names"):
        Sandbox().add_workspace("a", models="qwen-plus")


def test_requests_are_logged_as_they_arrived() -> None:
    with Sandbox() as sandbox:
        workspace = sandbox.add_workspace("a")
        response = _post(sandbox, workspace, f"{OPENAI_CHAT}?x=1")
        httpx.post(sandbox.base_url + "/nowhere", content=b"not json", headers={"X-Mixed-Case": "1"})
        httpx.get(sandbox.base_url + "/empty")
        first, second, third = sandbox.requests
    assert (first.method, first.path, first.query, first.workspace) == ("POST", OPENAI_CHAT, "x=1", "a")
    assert first.body == _BODY
    assert first.headers["authorization"] == f"Bearer {workspace.api_key}"
    assert first.request_id == response.headers["x-request-id"]
    assert (second.body, second.workspace, second.headers["x-mixed-case"]) == (b"not json", None, "1")
    assert third.body is None


@pytest.fixture
def command() -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Yield the running command and the lines that it printed."""
    arguments = ["--port", "0", "--workspace", "team-a:eu-central-1:qwen-plus,qwen-flash", "--workspace", "team-b"]
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "langchain_qwen_workspace.sandbox", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith("Press Ctrl-C"):
            break
    with process:
        yield process, lines
        process.kill()


def test_command_line_prints_exports_and_serves(command: tuple[subprocess.Popen[str], list[str]]) -> None:
    process, lines = command
    exports = [line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export ")]
    of_workspace = ["DASHSCOPE_API_KEY", "DASHSCOPE_WORKSPACE", "DASHSCOPE_REGION", "DASHSCOPE_BASE_URL"]
    of_administration = ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    assert [name for name, _ in exports] == of_workspace * 2 + of_administration * 2
    first = dict(exports[:4])
    assert (first["DASHSCOPE_WORKSPACE"], first["DASHSCOPE_REGION"]) == ("llm-team-a", "eu-central-1")
    headers = {"authorization": f"Bearer {first['DASHSCOPE_API_KEY']}"}
    url = first["DASHSCOPE_BASE_URL"] + OPENAI_CHAT
    assert httpx.post(url, json=_BODY, headers=headers).status_code == 200
    assert httpx.post(url, json=_BODY | {"model": "qwen-max"}, headers=headers).status_code == 403
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_command_line_refuses_an_unknown_region(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--workspace", "a:mars"]) == 2
    assert "There is no region 'mars'" in capsys.readouterr().err


def test_command_line_refuses_unknown_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--workspace", "a::gpt-4"]) == 2
    assert "does not know ['gpt-4']" in capsys.readouterr().err
