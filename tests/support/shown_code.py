"""The Python blocks of README and documentation; `python -m tests.support.shown_code FOLDER` writes each to a file.

`make type` reads those files as users' editors do: without this project's settings and without pydantic's mypy plugin.
"""

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


def write_blocks(folder: Path) -> None:
    """Write each block to a file of its own, named after its page and number."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for name, block in BLOCKS.items():
        (folder / (re.sub(r"\W", "_", name.replace(".md", "")) + ".py")).write_text(block)


if __name__ == "__main__":
    write_blocks(Path(sys.argv[1]))
