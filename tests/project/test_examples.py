"""The examples in README and docs, and the demo, run against the sandbox."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from langchain_qwen_workspace._workspace.endpoints import REGIONS

ROOT = Path(__file__).parent.parent.parent
REGIONS_PAGE = (ROOT / "docs" / "how-to" / "workspace.md").read_text()
KEYLESS = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DASHSCOPE", "OPENAI", "LANGSMITH", "LANGCHAIN"))
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - files of this repository
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT,
        env=KEYLESS,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def blocks_of(page: Path) -> list[str]:
    """Return the Python blocks of a page; those in a list or a tab are indented."""
    found = re.findall(r"^( *)```python\n(.*?)^\1```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, block in found]


PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "README" not in page.name)]
BLOCKS = {
    f"{page.relative_to(ROOT)}:{number}": block for page in PAGES for number, block in enumerate(blocks_of(page), 1)
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_python_block_runs(name: str, tmp_path: Path) -> None:
    if "def test_" not in BLOCKS[name]:
        done = run("-c", BLOCKS[name])
        assert (done.returncode, done.stderr) == (0, "")
        return
    file = tmp_path / "test_block.py"
    file.write_text(BLOCKS[name])
    # Other installed plugins would be configured by this project's settings.
    alone = ("--disable-plugin-autoload", "-p", "langchain_qwen_workspace.sandbox.pytest_plugin")
    done = run(
        "-m", "pytest", *alone, "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path), str(file)
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("language", ["zh-CN", "id"])
def test_a_translated_readme_has_the_same_blocks_and_capabilities(language: str) -> None:
    """The tests run the English README's blocks only."""
    english, other = (ROOT / "README.md").read_text(), (ROOT / "docs" / f"README.{language}.md").read_text()
    fences = re.compile(r"^```.*?^```$", flags=re.MULTILINE | re.DOTALL)
    assert fences.findall(other) == fences.findall(english)
    ticks = re.compile(r"\| *✓? *\| *✓? *\|$", flags=re.MULTILINE)
    assert ticks.findall(other) == ticks.findall(english)
    assert len(ticks.findall(english)) == 8


def test_at_least_eight_pages_have_python_blocks() -> None:
    assert len({name.partition(":")[0] for name in BLOCKS}) >= 8


def test_the_first_block_of_the_readme_has_ten_lines_and_prints_an_answer_of_each_protocol() -> None:
    block = BLOCKS["README.md:1"]
    assert len([line for line in block.splitlines() if line]) <= 10
    assert run("-c", block).stdout.count("Where is the West Lake?") == 2


def test_the_table_of_regions_agrees_with_the_endpoints() -> None:
    for region_id, region in REGIONS.items():
        row = next(line for line in REGIONS_PAGE.splitlines() if line.startswith(f"| `{region_id}`"))
        assert f"`{region.name.lower()}`" in row
        assert (f"`{region.shared_host}`" if region.shared_host else "none") in row
        assert row.endswith("| yes |" if region.has_trial else "| no |")


def test_the_demo_prints_answers_and_usage_of_each_workspace_and_protocol() -> None:
    done = run("cookbook/demo.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the offline sandbox answers" in done.stdout
    for workspace in ("team-a", "team-b"):
        for protocol in ("openai", "dashscope"):
            for way in ("plain", "streamed", "async"):
                assert re.search(rf"{workspace}, {protocol}, {way}: +\S", done.stdout)
        assert re.search(rf"{workspace}: \d+ in, \d+ out", done.stdout)
    assert done.stdout.count("'The West Lake is in Hangzhou.'") == 2
