"""Opens a sandbox whose workspace has what every check needs: a model it may not call, and one with a limit."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_qwen_workspace._verify.beliefs import Call
from langchain_qwen_workspace._verify.session import Session
from langchain_qwen_workspace.profiles import catalogue
from langchain_qwen_workspace.workspace import QwenWorkspace

# Beijing, since the package has prices for it.
_REGION = "cn-beijing"
_UNPERMITTED, _LIMITED = "qwen3.7-max", "qwen3.6-flash"


@contextmanager
def open_sandbox() -> Iterator[tuple[Any, QwenWorkspace]]:
    """Yield a running sandbox, and a workspace of it that may call every model but one."""
    # The sandbox is a program of its own, which only this check of the checks uses.
    from langchain_qwen_workspace.sandbox import Sandbox  # noqa: PLC0415 - see above

    with Sandbox() as sandbox:
        names = {profile.name for profile in catalogue()} - {_UNPERMITTED}
        yield sandbox, sandbox.workspace("verified", models=sorted(names), region=_REGION)


def limit_a_model(session: Session) -> None:
    """Set the limit that the checks of throttling exceed: one request a minute, for a model that no check needs."""
    limit = {"model": _LIMITED, "operation_type": "OVERLAY", "request_limit": 1, "request_limit_period": 60}
    session.recorder.check = "setup"
    session.exchange(Call(protocol="dashscope", path="/models/limits", body={"models": [limit]}))
