"""The cookbook's notebooks: each has a goal, runs from a download, and fails if a refusal does not come."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.shown_code import imported_modules, packages_to_install

COOKBOOK = Path(__file__).parent.parent.parent / "cookbook"
SOURCES = sorted((COOKBOOK / "source").glob("[0-9]*.py"))
# Modules that a cell writes for the next ones.
WRITTEN = {"application"}

by_notebook = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def _parse(source: Path) -> ast.Module:
    """Return the code of a notebook; `await` at its top level is allowed in cells only."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(source.read_text(encoding="utf-8"), str(source), "exec", flags=flags)
    assert isinstance(tree, ast.Module)
    return tree


def _first_cell(source: Path) -> str:
    return source.read_text(encoding="utf-8").partition("\n# %% ")[0]


@by_notebook
@pytest.mark.parametrize("part", ["Goal", "You need"])
def test_a_notebook_begins_with_its_goal_and_prerequisites(source: Path, part: str) -> None:
    assert f"\n# **{part}**: " in _first_cell(source)


def _installed_by(source: Path) -> list[list[str]]:
    """Return the packages that the lines of the first code cell install: from an index, and from a clone."""
    cell = re.search(
        r'\n# %% tags=\["skip-execution"\]\n'
        r'# %pip install --quiet "langchain-qwen-workspace(\[.*)\n'
        r'# Before the first release: %pip install --quiet "/path/to/a/clone(\[.*)\n',
        source.read_text(encoding="utf-8"),
    )
    assert cell is not None
    return [line.replace('"', "").split() for line in cell.groups()]


@by_notebook
def test_a_notebook_installs_the_same_from_an_index_and_from_a_clone(source: Path) -> None:
    from_index, from_clone = _installed_by(source)
    assert from_index == from_clone


@by_notebook
def test_a_notebook_installs_what_it_imports(source: Path) -> None:
    packages = packages_to_install(source.read_text(encoding="utf-8"), imported_modules(_parse(source)) - WRITTEN)
    # The kernel has IPython, and the extra `sandbox` uvicorn.
    assert packages - {"IPython", "uvicorn"} - set(_installed_by(source)[0]) == set()


@by_notebook
def test_a_notebook_ends_with_the_next_one(source: Path) -> None:
    [following] = re.findall(r"\n# \*\*Next\*\*: \[.*\]\((.*)\.ipynb\)\.\n$", source.read_text(encoding="utf-8"))
    assert (COOKBOOK / f"{following}.ipynb").exists()


@by_notebook
def test_a_notebook_imports_no_file_of_the_repository(source: Path) -> None:
    roots = imported_modules(_parse(source)) - WRITTEN
    files = {path.stem for path in COOKBOOK.glob("*.py")} | {"tests", "benchmarks", "scripts"}
    assert roots & files == set()


@by_notebook
def test_a_refusal_that_a_notebook_shows_has_to_come(source: Path) -> None:
    shown = [node for node in _parse(source).body if isinstance(node, ast.Try)]
    unchecked = [
        node.lineno for node in shown if not any(isinstance(after, ast.Assert | ast.Raise) for after in node.orelse)
    ]
    assert unchecked == []
