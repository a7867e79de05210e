"""Everything that users are shown runs: the README's blocks and the demo, against the sandbox."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from langchain_qwen_workspace._endpoints import REGIONS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
KEYLESS = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DASHSCOPE", "OPENAI", "LANGSMITH", "LANGCHAIN"))
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own files
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT,
        env=KEYLESS,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("block", BLOCKS, ids=[block.splitlines()[-1].strip()[:40] for block in BLOCKS])
def test_readme_block_runs(block: str) -> None:
    done = run("-c", block)
    assert (done.returncode, done.stderr) == (0, "")


def test_first_block_of_the_readme_is_ten_lines_and_prints_an_answer_of_each_protocol() -> None:
    lines = [line for line in BLOCKS[0].splitlines() if line]
    assert len(lines) <= 10
    assert run("-c", BLOCKS[0]).stdout.count("Where is the West Lake?") == 2


def test_readme_tells_each_region_as_it_is() -> None:
    for region_id, region in REGIONS.items():
        row = next(line for line in README.splitlines() if line.startswith(f"| `{region_id}`"))
        assert f"`{region.name.lower()}`" in row
        assert (f"`{region.shared_host}`" if region.shared_host else "none") in row
        assert row.endswith("| yes |" if region.has_trial else "| no |")


def test_demo_shows_the_main_job_and_who_answered() -> None:
    done = run("cookbook/demo.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the offline sandbox answers" in done.stdout
    for workspace in ("team-a", "team-b"):
        for protocol in ("openai", "dashscope"):
            for way in ("at once", "streamed", "async"):
                assert re.search(rf"{workspace}, {protocol}, {way}: +\S", done.stdout)
        assert re.search(rf"{workspace}: \d+ in, \d+ out", done.stdout)
    assert done.stdout.count("'The West Lake is in Hangzhou.'") == 2
