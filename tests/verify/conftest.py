"""A sandbox with what the checks need, shared by a module's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace._verify.against_sandbox import limit_a_model, open_sandbox
from langchain_qwen_workspace._verify.verification import verification
from langchain_qwen_workspace.admin import WorkspaceAdmin
from langchain_qwen_workspace.sandbox import Sandbox
from tests.verify.support import REGION, Service, make_budget


class Opened(NamedTuple):
    """A sandbox, a workspace of it, its administrator, and the transport to it."""

    sandbox: Sandbox
    workspace: QwenWorkspace
    admin: WorkspaceAdmin
    service: Service


@pytest.fixture(scope="module")
def _opened() -> Iterator[Opened]:
    with open_sandbox() as (sandbox, workspace):
        with verification(workspace, [], make_budget(), lambda _: None) as run:
            limit_a_model(run.session)
        service = Service()
        yield Opened(sandbox, workspace, sandbox.admin(REGION), service)
        service.end()


@pytest.fixture
def opened(_opened: Opened) -> Opened:
    _opened.service.begin()
    return _opened
