"""Who may call the sandbox: programs that use its own address or an allowed name, and no page in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from langchain_qwen_workspace.sandbox import Sandbox, SandboxWorkspace
from langchain_qwen_workspace.sandbox.__main__ import main
from tests.sandbox.support import DASHSCOPE_TEXT, OPENAI_CHAT, user

_BODY = {"model": "qwen-plus", "messages": [user("Hello")]}


def _status(http: httpx.Client, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.post(OPENAI_CHAT, json=_BODY, headers=named).status_code


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8089",
        "127.1.2.3:1",
        "127.255.255.254",
        "localhost",
        "LocalHost.:8089",
        "[::1]:8089",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_a_loopback_host_is_answered(http: httpx.Client, host: str) -> None:
    assert _status(http, host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8089",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.localhost.example",
        "128.0.0.1",
        "0.0.0.0",  # noqa: S104 - the case
        "192.168.1.5",
        "[::]",
        "[fe80::1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "127.0.0.1@evil.example",
        "127.0.0.1:80:80",
        "127.0.0.1:x",
        "127.0.0.1, evil.example",
        "[::1",
        "",
    ],
)
def test_another_host_is_refused(http: httpx.Client, host: str) -> None:
    assert _status(http, host=host) in {400, 403}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:8089"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "same-origin"},
    ],
)
def test_a_page_in_a_browser_is_refused(http: httpx.Client, headers: dict[str, str]) -> None:
    assert _status(http, **headers) == 403


def test_an_address_that_a_user_types_into_a_browser_is_answered(http: httpx.Client) -> None:
    assert _status(http, sec_fetch_site="none", sec_fetch_mode="navigate") == 200


def test_a_preflight_request_gets_no_permission(http: httpx.Client) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    response = http.options(OPENAI_CHAT, headers=headers)
    assert response.status_code >= 400
    assert [name for name in response.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize("path", [OPENAI_CHAT, DASHSCOPE_TEXT])
def test_a_refusal_says_how_to_allow_the_host_in_the_protocols_own_body(http: httpx.Client, path: str) -> None:
    body = http.post(path, json=_BODY, headers={"host": "studio.example"}).json()
    error = body.get("error", body)
    assert "'studio.example'" in error["message"]
    assert "--allow-host" in error["message"]


def test_a_refused_request_is_neither_logged_nor_takes_a_fault(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500)
    assert _status(http, host="evil.example") == 403
    assert sandbox.requests == []
    assert _status(http) == 500


@pytest.fixture(scope="module")
def open_workspace() -> Iterator[tuple[Sandbox, SandboxWorkspace]]:
    with Sandbox(host="0.0.0.0", allow_hosts=["Studio", "fe80::1", "10.0.0.7"]) as sandbox:  # noqa: S104 - the case
        yield sandbox, sandbox.add_workspace("a")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("0.0.0.0", 200),  # noqa: S104 - the address of `host`
        ("studio:80", 200),
        ("STUDIO.", 200),
        ("[fe80::1]", 200),
        ("10.0.0.7:1", 200),
        ("10.0.0.8", 403),
        ("a.studio", 403),
    ],
)
def test_the_address_and_the_allowed_names_are_answered(
    open_workspace: tuple[Sandbox, SandboxWorkspace], host: str, status: int
) -> None:
    sandbox, workspace = open_workspace
    headers = {"authorization": f"Bearer {workspace.api_key}", "host": host}
    assert httpx.post(sandbox.base_url + OPENAI_CHAT, json=_BODY, headers=headers).status_code == status


@pytest.mark.parametrize("name", ["http://studio", "studio:80", "studio/x", "*", "*.example", "", "a b", "[::1]:80"])
def test_an_allowed_host_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected a name or an address"):
        Sandbox(allow_hosts=[name])


def test_a_string_of_allowed_hosts_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a list of names"):
        Sandbox(allow_hosts="studio")


def test_the_command_line_refuses_a_host_that_is_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--allow-host", "http://studio"]) == 2
    assert "'http://studio' is not a host" in capsys.readouterr().err
