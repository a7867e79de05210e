"""What is released: the wheel has the package and nothing else, the sdist what the make targets need."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from langchain_qwen_workspace import __version__

pytest.importorskip("hatchling", reason="builds the distributions: dependency group `release`")

ROOT = Path(__file__).parent.parent.parent
PACKAGE = "langchain_qwen_workspace"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(  # noqa: S603 - no input from outside
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> dict[str, bytes]:
    [path] = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata(wheel: dict[str, bytes]) -> Message:
    [content] = [content for name, content in wheel.items() if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(content)


def test_wheel_has_the_package_and_nothing_else(wheel: dict[str, bytes]) -> None:
    paths = [path for suffix in ("py", "json", "tsv") for path in (ROOT / PACKAGE).rglob(f"*.{suffix}")]
    sources = {str(path.relative_to(ROOT)) for path in paths}
    inside = {name for name in wheel if not name.partition("/")[0].endswith(".dist-info")}
    assert inside == {*sources, f"{PACKAGE}/py.typed"}
    described = {name.partition("/")[2] for name in wheel.keys() - inside}
    assert described == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_sdist_has_what_the_targets_need(built: Path) -> None:
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert {name.partition("/")[0] for name in names} == {
        PACKAGE,
        "tests",
        "cookbook",
        "benchmarks",
        "docs",
        "scripts",
        "mkdocs.yml",
        "Makefile",
        "uv.lock",
        "installer.txt",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE",
        "PKG-INFO",
        "pyproject.toml",
        ".gitignore",
    }
    assert [name for name in names if name.endswith((".pyc", ".env", ".log")) or "__pycache__" in name] == []


def test_metadata_is_complete_and_invents_no_address(metadata: Message) -> None:
    assert metadata["Name"] == "langchain-qwen-workspace"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == "<4,>=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert {"admin", "sandbox", "cli", "progress"} <= set(metadata.get_all("Provides-Extra") or [])
    assert metadata.get_all("Project-URL") is None
    assert metadata["Home-page"] is None
    assert re.findall(r"\]\((?!https?:|#)", str(metadata.get_payload())) == []


def test_the_address_of_the_repository_is_that_of_the_environment(tmp_path: Path) -> None:
    environment = {**os.environ, "PROJECT_URL": "https://example.com/qwen/", "SITE_URL": "https://docs.example.com"}
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)  # noqa: S603 - no input from outside
    [path] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(name))
    assert "Source, https://example.com/qwen" in metadata.get_all("Project-URL", [])
    assert "Documentation, https://docs.example.com" in metadata.get_all("Project-URL", [])
    assert "(https://example.com/qwen/blob/main/docs/tutorial.md)" in metadata.get_payload()


def test_the_version_is_that_of_the_newest_entry_of_the_changelog_or_not_released_yet() -> None:
    entries = re.findall(r"^## (?:\[?([\d.]+)\]?|Unreleased)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert entries[0] in ("", __version__)


def test_entry_points_are_these_and_lead_somewhere(wheel: dict[str, bytes]) -> None:
    [content] = [content.decode() for name, content in wheel.items() if name.endswith("entry_points.txt")]
    lines = {line for line in content.splitlines() if "=" in line}
    assert lines == {
        "qwen-workspace = langchain_qwen_workspace.cli:main",
        "qwen_workspace = langchain_qwen_workspace._register:register_with_deepagents",
        "qwen_workspace = langchain_qwen_workspace.sandbox.pytest_plugin",
    }
