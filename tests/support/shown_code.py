"""The Python blocks of README and documentation; `python -m tests.support.shown_code FOLDER` writes each to a file.

`make type` reads those files as users' editors do: without this project's settings and without pydantic's mypy plugin.
"""

import ast
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def blocks_of(page: Path) -> list[str]:
    """Return the Python blocks of a page; those in a list or a tab are indented."""
    found = re.findall(r"^( *)```python\n(.*?)^\1```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, block in found]


PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "README" not in page.name)]
BLOCKS = {
    f"{page.relative_to(ROOT)}:{number}": block for page in PAGES for number, block in enumerate(blocks_of(page), 1)
}


# Modules that come with the package: its own, and those of its dependencies that are shown.
_WITH_THE_PACKAGE = {"langchain_qwen_workspace", "langchain_core", "openai", "dashscope", "pydantic"}
# Names that need a package which nothing shown imports.
_NEEDED_BY = {"InMemoryVectorStore": "numpy", "def test_": "pytest"}


def imported_modules(code: ast.AST) -> set[str]:
    """Return the top-level names of the modules that code imports."""
    nodes = list(ast.walk(code))
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.partition(".")[0] for name in names}


def packages_to_install(code: str, modules: set[str]) -> set[str]:
    """Return the packages that code needs beside this one; `modules` are those that it imports."""
    needed = {package for name, package in _NEEDED_BY.items() if name in code}
    return needed | {name.replace("_", "-") for name in modules - _WITH_THE_PACKAGE - sys.stdlib_module_names}


def write_blocks(folder: Path) -> None:
    """Write each block to a file of its own, named after its page and number."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for name, block in BLOCKS.items():
        (folder / (re.sub(r"\W", "_", name.replace(".md", "")) + ".py")).write_text(block)


if __name__ == "__main__":
    write_blocks(Path(sys.argv[1]))
