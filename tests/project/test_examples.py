"""The examples in README and docs, and the demo, run against the sandbox."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from langchain_qwen_workspace._workspace.endpoints import REGIONS
from tests.support.shown_code import BLOCKS, PAGES, ROOT, blocks_of, imported_modules, packages_to_install

REGIONS_PAGE = (ROOT / "docs" / "how-to" / "workspace.md").read_text()
KEYLESS = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DASHSCOPE", "OPENAI", "LANGSMITH", "LANGCHAIN"))
}


# Importing the package with its SDKs and the sandbox takes most of an example's time, so each example runs in a fork of
# an interpreter that has done so.
FORKING = """
import importlib, json, os, sys

import langchain_qwen_workspace
for name in langchain_qwen_workspace.__all__:
    getattr(langchain_qwen_workspace, name)
for name in ("openai", "dashscope"):
    importlib.import_module(f"langchain_qwen_workspace._transports.{name}")
for name in ("openai", "dashscope", "uvicorn", "langchain_qwen_workspace.sandbox._http.app"):
    importlib.import_module(name)

for line in sys.stdin:
    script, *outputs = json.loads(line)
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    for number, path in enumerate((os.devnull, *outputs)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    with open(script) as file:
        source = file.read()
    sys.path.insert(0, os.path.dirname(script))
    exec(compile(source, script, "exec"), {"__name__": "__main__", "__file__": script})
    break
"""


@dataclass(frozen=True)
class Done:
    """The exit status and output of a script."""

    status: int
    stdout: str
    stderr: str


Run = Callable[[Path], Done]


@pytest.fixture(scope="module")
def interpreter() -> Iterator[subprocess.Popen[str]]:
    """Yield an interpreter that has imported the package and forks for each script, with warnings as errors."""
    command = [sys.executable, "-W", "error", "-c", FORKING]
    with subprocess.Popen(  # noqa: S603 - this interpreter and the text above
        command, cwd=ROOT, env=KEYLESS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.communicate()


@pytest.fixture
def run(interpreter: subprocess.Popen[str], tmp_path: Path) -> Run:
    """Return a function that runs a script."""
    stdin, stdout = interpreter.stdin, interpreter.stdout
    assert stdin is not None
    assert stdout is not None

    def run_script(script: Path) -> Done:
        out, err = tmp_path / "stdout", tmp_path / "stderr"
        stdin.write(json.dumps([str(script), str(out), str(err)]) + "\n")
        stdin.flush()
        return Done(int(stdout.readline()), out.read_text(), err.read_text())

    return run_script


@pytest.mark.parametrize("name", [name for name in BLOCKS if "def test_" not in BLOCKS[name]])
def test_a_python_block_runs(name: str, run: Run, tmp_path: Path) -> None:
    script = tmp_path / "block.py"
    script.write_text(BLOCKS[name])
    done = run(script)
    assert (done.status, done.stderr) == (0, "")


@pytest.mark.parametrize("name", [name for name in BLOCKS if "def test_" in BLOCKS[name]])
def test_a_block_of_tests_passes(name: str, tmp_path: Path) -> None:
    file = tmp_path / "test_block.py"
    file.write_text(BLOCKS[name])
    # Other installed plugins would be configured by this project's settings.
    alone = ("--disable-plugin-autoload", "-p", "langchain_qwen_workspace.sandbox.pytest_plugin")
    options = (*alone, "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path))
    done = subprocess.run(  # noqa: S603 - files of this repository
        [sys.executable, "-W", "error", "-m", "pytest", *options, str(file)],
        cwd=ROOT,
        env=KEYLESS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks_of(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_a_page_says_how_to_install_what_its_blocks_import(page: Path) -> None:
    needed = {
        package
        for block in blocks_of(page)
        for package in packages_to_install(block, imported_modules(ast.parse(block)))
    }
    named = {word for line in re.findall(r"pip install ([^`\n]*)", page.read_text()) for word in line.split()}
    assert needed - named == set()


@pytest.mark.parametrize("language", ["zh-CN", "id"])
def test_a_translated_readme_has_the_same_blocks_and_capabilities(language: str) -> None:
    """The tests run the English README's blocks only."""
    english, other = (ROOT / "README.md").read_text(), (ROOT / "docs" / f"README.{language}.md").read_text()
    fences = re.compile(r"^```.*?^```$", flags=re.MULTILINE | re.DOTALL)
    assert fences.findall(other) == fences.findall(english)
    ticks = re.compile(r"\| *✓? *\| *✓? *\| *✓? *\|$", flags=re.MULTILINE)
    assert ticks.findall(other) == ticks.findall(english)
    assert len(ticks.findall(english)) == 10


@pytest.mark.parametrize("language", ["zh-CN", "id"])
def test_a_translated_readme_has_the_same_links(language: str) -> None:
    links = re.compile(r"\]\(([^)]+)\)")
    english, other = (ROOT / "README.md").read_text(), (ROOT / "docs" / f"README.{language}.md").read_text()
    expected = {os.path.relpath(link, "docs") for link in links.findall(english)}
    expected = expected - {f"README.{language}.md"} | {"../README.md"}
    assert set(links.findall(other)) == expected


FIRST_PAGES = ["README.md", "docs/README.zh-CN.md", "docs/README.id.md", "docs/tutorial.md"]


@pytest.mark.parametrize("page", FIRST_PAGES)
def test_a_first_page_installs_the_sandbox_into_a_virtual_environment(page: str) -> None:
    """The systems of Debian, Ubuntu and Homebrew refuse `pip install` outside of one."""
    shown = re.search(r"^```bash\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    assert shown is not None
    lines = shown[1].splitlines()
    assert lines[:2] == ["python3 -m venv ~/qwen-env", ". ~/qwen-env/bin/activate"]
    assert lines[2:] in (['pip install ".[sandbox]"'], ['pip install ".[sandbox]" langchain'])


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES] + FIRST_PAGES[1:3])
def test_a_block_of_shell_commands_has_no_comments(page: str) -> None:
    """The shell of macOS, zsh, passes a pasted `# comment` to the command, or looks for a command `#`."""
    shown = re.findall(
        r"^ *```(?:bash|console)\n(.*?)^ *```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL
    )
    assert [line for block in shown for line in block.splitlines() if re.search(r"(^|\s)#\s", line)] == []


@pytest.mark.parametrize("page", FIRST_PAGES)
def test_a_first_page_can_be_read_in_the_repository(page: str) -> None:
    """Outside of the built site, an inclusion of another file is shown as its directive."""
    assert re.findall(r'^--8<-- "', (ROOT / page).read_text(), flags=re.MULTILINE) == []


def test_at_least_eight_pages_have_python_blocks() -> None:
    assert len({name.partition(":")[0] for name in BLOCKS}) >= 8


def test_the_first_block_of_the_readme_has_ten_lines_and_prints_an_answer_of_each_protocol(
    run: Run, tmp_path: Path
) -> None:
    block = BLOCKS["README.md:1"]
    assert len([line for line in block.splitlines() if line]) <= 10
    script = tmp_path / "block.py"
    script.write_text(block)
    shown = (ROOT / "README.md").read_text().partition("```text\n")[2].partition("```")[0]
    assert run(script).stdout == shown * 3


@pytest.mark.parametrize("number", [1, 2])
def test_the_tutorial_shows_what_its_blocks_print(number: int, run: Run, tmp_path: Path) -> None:
    script = tmp_path / "block.py"
    script.write_text(BLOCKS[f"docs/tutorial.md:{number}"])
    page = (ROOT / "docs" / "tutorial.md").read_text()
    shown = re.findall(r"^```text\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert run(script).stdout == shown[number - 1]


def test_the_table_of_regions_agrees_with_the_endpoints() -> None:
    for region_id, region in REGIONS.items():
        row = next(line for line in REGIONS_PAGE.splitlines() if line.startswith(f"| `{region_id}`"))
        assert f"`{region.name.lower()}`" in row
        assert (f"`{region.shared_host}`" if region.shared_host else "none") in row
        assert row.endswith("| yes |" if region.has_trial else "| no |")


def test_the_demo_prints_answers_and_usage_of_each_workspace_and_protocol(run: Run) -> None:
    done = run(ROOT / "cookbook" / "demo.py")
    assert (done.status, done.stderr) == (0, "")
    assert "the offline sandbox answers" in done.stdout
    for workspace in ("team-a", "team-b"):
        for protocol in ("openai", "dashscope"):
            for way in ("plain", "streamed", "async"):
                assert re.search(rf"{workspace}, {protocol}, {way}: +\S", done.stdout)
        assert re.search(rf"{workspace}: \d+ in, \d+ out", done.stdout)
    assert done.stdout.count("'The West Lake is in Hangzhou.'") == 2
