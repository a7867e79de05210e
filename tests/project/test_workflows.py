"""The workflows and the script of CI: pinned actions, few permissions, and make targets that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="a distribution has no workflows")

by_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)


@by_workflow
def test_every_action_is_pinned_to_a_commit_and_names_its_version(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text())
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


@by_workflow
def test_a_workflow_may_write_nothing_unless_a_job_says_so(workflow: Path) -> None:
    (permissions,) = re.findall(r"^permissions: (.*)", workflow.read_text(), flags=re.MULTILINE)
    assert permissions in {"{}", "{ contents: read }"}


@by_workflow
def test_every_job_has_a_time_limit(workflow: Path) -> None:
    text = workflow.read_text()
    assert text.count("timeout-minutes:") == text.count("runs-on:") > 0


def test_every_make_target_of_ci_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    # A step of the script or a workflow, or an item of a matrix of targets.
    command = re.compile(r"^ *(?:step make|- run: make| {10}-) ([^#\n$]+)", flags=re.MULTILINE)
    asked = {
        word
        for path in (ROOT / ".ci" / "run", *WORKFLOWS)
        for words in command.findall(path.read_text())
        for word in words.split()
        if re.fullmatch(r"[a-z-]+", word)
    }
    assert {"test", "nightly", "test-floors", "smoke"} <= asked
    assert asked - targets == set()
