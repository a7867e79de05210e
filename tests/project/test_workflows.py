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


def recipe_of(target: str) -> str:
    """Return the commands of a make target."""
    [recipe] = re.findall(
        rf"^{re.escape(target)}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE
    )
    return str(recipe)


def test_the_installer_is_installed_by_its_hash() -> None:
    assert "pip install --quiet --require-hashes --only-binary :all: --requirement installer.txt" in recipe_of(
        ".uv/bin/uv"
    )
    pinned = [line for line in (ROOT / "installer.txt").read_text().splitlines() if not line.startswith(("#", " "))]
    assert len(pinned) == 1
    assert re.fullmatch(r"uv==[\d.]+ \\", pinned[0])


def test_make_runs_no_tool_that_the_lock_file_does_not_pin() -> None:
    """Only what is built here, and the oldest and newest dependencies on purpose, are installed without a hash."""
    commands = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    assert re.findall(r"tool run|uvx|pipx|--with [^ ]*[<>=]", commands) == []
    installed = re.findall(r"^\t.*\bpip install (.*)", commands, flags=re.MULTILINE)
    without_hash = [words for words in installed if "--require-hashes" not in words and "dist/*.whl" not in words]
    oldest = "--quiet --python .venv-floors --resolution lowest-direct --editable"
    assert without_hash == [oldest + ' ".[admin,cli,progress,sandbox]" --group test']


def test_what_is_published_is_built_with_locked_tools_only() -> None:
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    build = release.partition("\n  build:")[2].partition("\n  test:")[0]
    assert re.findall(r"- run: (.*)", build) == ["make dist sbom"]
    assert "needs: [check, test]" in release


def test_distributions_are_built_by_the_lock_files_wheels() -> None:
    [builder] = re.findall(r"^BUILD = (.*)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert "--frozen --no-build --only-group release" in builder
    assert {line.partition(" ")[0] for line in recipe_of("dist").split("\t")} == {"", "rm", "$(BUILD)"}


def test_the_contents_of_a_wheel_are_checked_before_it_is_published() -> None:
    assert "check-wheel-contents dist/*.whl" in recipe_of("dist")


@pytest.mark.parametrize("workflow", ["nightly", "release"])
def test_a_bill_of_materials_is_kept(workflow: str) -> None:
    text = (ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text()
    assert re.search(r"- run: make .*\bsbom\b", text)
    assert "{ name: sbom, path: sbom.cdx.json, if-no-files-found: error }" in text
    assert "--format cyclonedx1.5 --output-file sbom.cdx.json" in recipe_of("sbom")


def test_vulnerabilities_are_looked_for_every_night() -> None:
    assert "- run: make audit" in (ROOT / ".github" / "workflows" / "nightly.yml").read_text()
