"""`grant` and `set_limits` with a workspace's own key."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from langchain_qwen_workspace import ConfigurationError, InvalidRequestError, QwenWorkspace, QwenWorkspaceError
from langchain_qwen_workspace.workspace import RateLimit
from tests.support.server import Server, json_reply

DONE = json_reply({"code": None, "message": None, "success": True, "output": None, "request_id": "R"})
LIMITS = {"m": RateLimit(10, 60), "n": None}


@pytest.fixture
def server() -> Any:
    with Server() as started:
        started.default = lambda _: DONE
        yield started


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def call(server: Server, request: pytest.FixtureRequest, runner: asyncio.Runner) -> Callable[..., None]:
    """Return a function that calls a method of a workspace by its name, sync or async."""
    workspace = QwenWorkspace(api_key="sk-own", workspace_id="llm-a", region="beijing", base_url=server.url)

    def do(name: str, given: Any) -> None:
        if request.param:
            runner.run(getattr(workspace, f"a{name}")(given))
        else:
            getattr(workspace, name)(given)

    return do


def test_models_are_granted_20_at_a_time(call: Callable[..., None], server: Server) -> None:
    call("grant", [f"m{number}" for number in range(21)])
    assert [len(request.json["models"]) for request in server.requests] == [20, 1]


def test_a_grant_keeps_what_is_granted(call: Callable[..., None], server: Server) -> None:
    call("grant", ["m", "m"])
    (request,) = server.requests
    assert (request.path, request.json) == (
        "/api/v1/models/permissions",
        {"models": [{"model": "m", "inference": True}], "access_all_entities": "KEEP"},
    )


def test_limits_are_set_and_removed(call: Callable[..., None], server: Server) -> None:
    call("set_limits", LIMITS)
    (request,) = server.requests
    assert (request.path, request.json["models"]) == (
        "/api/v1/models/limits",
        [
            {"model": "m", "operation_type": "OVERLAY", "request_limit": 10, "request_limit_period": 60},
            {"model": "n", "operation_type": "DELETE"},
        ],
    )


@pytest.mark.parametrize(
    ("name", "given", "command"),
    [
        ("grant", ["m"], "grant llm-a m --region cn-beijing"),
        ("set_limits", LIMITS, "limits llm-a m --region cn-beijing --requests 10"),
        ("set_limits", {"m": None}, "limits llm-a m --region cn-beijing --remove"),
    ],
)
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_names_the_command_of_an_administrator(
    call: Callable[..., None], server: Server, name: str, given: Any, *, command: str, status: int
) -> None:
    server.default = lambda _: json_reply({"code": "AccessDenied", "message": "no"}, status)
    with pytest.raises(QwenWorkspaceError) as caught:
        call(name, given)
    assert caught.value.hint == f"This needs an administrator: `qwen-workspace admin {command}`, with an AccessKey."


def test_a_refusal_under_status_200_is_an_error(call: Callable[..., None], server: Server) -> None:
    server.default = lambda _: json_reply({"success": False, "code": "InvalidParameter", "message": "no such model"})
    with pytest.raises(InvalidRequestError, match="no such model"):
        call("grant", ["m"])


@pytest.mark.parametrize(
    ("name", "given"),
    [("grant", []), ("grant", "qwen-plus"), ("grant", [""]), ("set_limits", {}), ("set_limits", {"m": RateLimit()})],
)
def test_what_changes_nothing_is_not_sent(call: Callable[..., None], server: Server, name: str, given: Any) -> None:
    with pytest.raises(ConfigurationError):
        call(name, given)
    assert server.requests == []


def test_without_an_id_the_command_has_a_word_in_its_place(server: Server) -> None:
    server.default = lambda _: json_reply({"code": "AccessDenied", "message": "no"}, 403)
    workspace = QwenWorkspace(api_key="sk-own", base_url=f"{server.url}/api/v1")
    with pytest.raises(QwenWorkspaceError, match="admin grant WORKSPACE m`"):
        workspace.grant(["m"])
