"""`apply` of a file with five workspaces, killed after each single change and run again."""

import ipaddress
import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._admin.marker import Marker, read_description, write_description
from langchain_qwen_workspace.admin import DeliveredKey, KeyFile, RateLimit, WorkspaceAdmin
from langchain_qwen_workspace.sandbox import Sandbox

SPEC = """
workspaces:
  - name: tightened
    models: [qwen-plus, qwen-flash]
    limits:
      qwen-plus: {requests: 10, usage: 1000}
      qwen-flash: {requests: 5}
    keys:
      ci: {models: [qwen-plus], ip_ranges: [203.0.113.0/28]}
  - name: mixed
    models: [qwen-plus, qwen-max]
    limits:
      qwen-plus: {requests: 5, usage: 9000}
    keys:
      ci: {models: [qwen-max], description: changed}
      stopped: {models: all, enabled: false}
  - name: closed
    models: [qwen-plus]
  - name: new
    models: [qwen-plus, text-embedding-v4]
    limits:
      qwen-plus: {requests: 60}
    keys:
      app: {models: all, ip_ranges: [198.51.100.0/24]}
      ci: {models: [qwen-plus]}
  - name: loosened
    models: [qwen-plus, qwen-max]
    limits:
      qwen-plus: {requests: 100}
      qwen-max: none
    keys:
      lost: {models: [qwen-plus, qwen-max]}
      started: {models: all}
"""
ADDRESSES = ("203.0.113.1", "203.0.113.200", "198.51.100.7", "192.0.2.1")


def make_admin(sandbox: Sandbox) -> tuple[WorkspaceAdmin, tuple[str, ...]]:
    """Return an administrator of a sandbox, and the URL and AccessKey for one in another process."""
    key = sandbox.access_key("cn-beijing")
    admin = WorkspaceAdmin(
        region="cn-beijing",
        access_key_id=key.access_key_id,
        access_key_secret=key.access_key_secret,
        base_url=sandbox.base_url,
    )
    return admin, (sandbox.base_url, key.access_key_id, key.access_key_secret)


def build(admin: WorkspaceAdmin, keys: KeyFile) -> None:
    """Make what the file finds: workspaces that are too open, too closed, or both."""

    def add(name: str, models: list[str], limits: dict[str, RateLimit] | None = None) -> str:
        workspace_id = admin.create_workspace(name).id
        if models:
            admin.grant(workspace_id, models)
        if limits:
            admin.set_limits(workspace_id, limits)
        return workspace_id

    def add_key(workspace_id: str, workspace: str, name: str, **scope: Any) -> str:
        created = admin.create_key(workspace_id, description=write_description("", Marker(name)), **scope)
        keys.save_key(DeliveredKey(workspace, name, created.id, created.workspace))
        return created.id

    tightened = add("tightened", ["qwen-plus", "qwen-max"], {"qwen-plus": RateLimit(100, 60, 5000, 60)})
    add_key(tightened, "tightened", "ci", models="all", ip_ranges=["203.0.113.0/24"])
    mixed = add("mixed", ["qwen-plus", "qwen-turbo"], {"qwen-plus": RateLimit(50, 60, 3000, 60)})
    add_key(mixed, "mixed", "ci", models=["qwen-plus"], ip_ranges="anywhere")
    add_key(mixed, "mixed", "stopped", models="all")
    admin.open_to_all(add("closed", []))
    loosened = add("loosened", ["qwen-plus"], {"qwen-plus": RateLimit(1, 60), "qwen-max": RateLimit(1, 60)})
    admin.create_key(loosened, models=["qwen-plus"], description=write_description("", Marker("lost")))
    admin.disable_key(add_key(loosened, "loosened", "started", models=["qwen-plus"]))
    admin.create_key(add("unnamed", ["qwen-plus"]), models="all", description="by hand")


Rates = tuple[Fraction | None, Fraction | None]
Openness = dict[str, dict[tuple[str, str, str], Rates]]


def openness(admin: WorkspaceAdmin) -> Openness:
    """Return, by workspace, which key may call which model from which address, and how fast."""
    found: Openness = {}
    for workspace in admin.workspaces():
        if workspace.id.startswith("llm-default"):
            continue
        limits = {item.model: item.workspace for item in admin.limits(workspace.id)}
        models = [item.model for item in admin.permissions(workspace.id)]
        calls = found.setdefault(workspace.name, {})
        for key in admin.keys(workspace.id):
            assert key.scope is not None
            name = read_description(key.description)[1].name or key.id
            for model in models if key.enabled else ():
                for address in ADDRESSES:
                    ranges = ("0.0.0.0/0",) if key.scope.ip_ranges == "anywhere" else key.scope.ip_ranges
                    inside = any(ipaddress.ip_address(address) in ipaddress.ip_network(part) for part in ranges)
                    if inside and (key.scope.models == "all" or model in key.scope.models):
                        assert (name, model, address) not in calls
                        calls[name, model, address] = rates(limits.get(model))
    return found


def rates(limit: RateLimit | None) -> Rates:
    if limit is None:
        return None, None
    pairs = ((limit.requests, limit.requests_period), (limit.usage, limit.usage_period))
    one, other = (Fraction(number, period) if number and period else None for number, period in pairs)
    return one, other


def is_within(inner: dict[Any, Rates], outer: dict[Any, Rates]) -> bool:
    return all(
        call in outer
        and all(high is None or (low is not None and low <= high) for low, high in zip(rate, outer[call], strict=True))
        for call, rate in inner.items()
    )


def picture(admin: WorkspaceAdmin) -> dict[str, Any]:
    """Return how the service is, without ids."""
    return {
        workspace.name: (
            sorted(item.model for item in admin.permissions(workspace.id)),
            {item.model: item.workspace for item in admin.limits(workspace.id) if item.workspace},
            sorted((key.description, repr(key.scope), key.enabled) for key in admin.keys(workspace.id)),
        )
        for workspace in admin.workspaces()
        if not workspace.id.startswith("llm-default")
    }


@dataclass
class Applier:
    """A process that applies in children, each of which is killed after some changes."""

    process: "subprocess.Popen[str]"

    def run(self, changes: int, *arguments: object) -> str:
        assert self.process.stdin
        assert self.process.stdout
        print(changes, *arguments, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


@pytest.fixture
def applier() -> Iterator[Applier]:
    command = [sys.executable, "-m", "tests.admin.applier"]
    with subprocess.Popen(  # noqa: S603 - the arguments are ours
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Applier(process)


@dataclass
class Run:
    """A sandbox with the workspaces that the file finds."""

    admin: WorkspaceAdmin
    reached_by: tuple[str, ...]
    keys: KeyFile
    key_path: Path


@contextmanager
def start(path: Path) -> Iterator[Run]:
    with Sandbox() as sandbox:
        admin, reached_by = make_admin(sandbox)
        build(admin, KeyFile(path))
        yield Run(admin, reached_by, KeyFile(path), path)


@pytest.mark.parametrize(
    "stride", [pytest.param(1, marks=[pytest.mark.nightly, pytest.mark.timeout(1800)]), 9], ids=["each", "every ninth"]
)
def test_an_apply_that_is_killed_after_a_change_and_run_again_ends_the_same(
    tmp_path: Path, applier: Applier, stride: int
) -> None:
    spec = tmp_path / "workspaces.yaml"
    spec.write_text(SPEC)
    with start(tmp_path / "keys.json") as run:
        before = openness(run.admin)
        steps = run.admin.apply(run.admin.plan(spec, keys=run.keys), keys=run.keys)
        after, end = openness(run.admin), picture(run.admin)
        assert run.admin.plan(spec, keys=run.keys).steps == ()
    for changes in itertools.count(stride, stride):  # pragma: no branch - it ends below
        with start(tmp_path / f"keys{changes}.json") as run:
            outcome = applier.run(changes, *run.reached_by, spec, run.key_path)
            if outcome == "done 0":
                break
            assert outcome == "killed"
            for name, calls in openness(run.admin).items():
                assert is_within(calls, before.get(name, {})) or is_within(calls, after[name]), (changes, name)
            run.admin.apply(run.admin.plan(spec, keys=run.keys), keys=run.keys)
            assert picture(run.admin) == end, changes
            assert run.admin.plan(spec, keys=run.keys).steps == ()
            assert_saved_keys_work(run)
    assert changes > len(steps) > 20


def assert_saved_keys_work(run: Run) -> None:
    """Check that the file has the values that the service told last: each is told when made or reset."""
    for workspace, name in (("new", "ci"), ("loosened", "lost")):
        llm = ChatQwenWorkspace(model="qwen-plus", workspace=run.keys.workspace(workspace, name), max_retries=0)
        assert llm.invoke("Hello").content
