"""Executes the notebooks, and writes their outputs or compares them with the files.

    python cookbook/_notebooks.py [--check] [NAME ...]

A notebook's source is a script in `cookbook/source`, in jupytext's percent format, from which the `.ipynb` beside this
file is made. Notebooks are executed without a key, so that the sandbox answers and the outputs are the same everywhere,
except for what `VARYING` lists. Each runs in an empty folder of its own, as one that was downloaded alone, without the
cell that installs the package.
"""

import argparse
import asyncio
import base64
import difflib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from matplotlib.testing.compare import compare_images
from matplotlib.testing.exceptions import ImageComparisonFailure
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).parent
MAX_CONCURRENCY = 2
# Without keys and settings, and with this Python first on the path of shells.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DASHSCOPE", "OPENAI", "LANGSMITH", "LANGCHAIN", "PYTEST"))
} | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
# Ports, ids and times, which differ from run to run, and the text that replaces them.
VARYING = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\b(call|chatcmpl|batch|file)[-_][0-9a-f-]{8,}", r"\1-ID"),
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
        (r"\bsk-[0-9a-f]{16,}", "sk-…"),
        (r"\bin \d+\.\d+s\b", "in N s"),
        (r"/tmp/[\w./-]+", "/tmp/FOLDER"),  # noqa: S108 - a pattern
    )
]
# The root mean square of the difference of two pictures' pixels; other releases of the font renderer differ by less.
TOLERANCE = 8.0


async def execute(name: str) -> nbformat.NotebookNode:
    """Return a notebook made from its source, with outputs."""
    with tempfile.TemporaryDirectory(prefix="cookbook-") as folder:
        return await _execute(name, folder)


async def _execute(name: str, folder: str) -> nbformat.NotebookNode:
    notebook = jupytext.read(FOLDER / "source" / f"{name}.py")
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": folder}},
        record_timing=False,
        skip_cells_with_tag="skip-execution",
        extra_arguments=["--log-level=ERROR"],
    )
    await client.async_execute(env=ENVIRONMENT)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{name}-{number}"
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [remove_varying(output) for output in merge_streams(cell.outputs)]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def merge_streams(outputs: list[Any]) -> Iterator[Any]:
    """Yield outputs with consecutive pieces of a stream merged: where they are split depends on timing."""
    last: Any = None
    for output in outputs:
        if last is not None and output.output_type == "stream" == last.output_type and output.name == last.name:
            last.text += output.text
            continue
        if last is not None:
            yield last
        last = output
    if last is not None:
        yield last


def remove_varying(output: Any) -> Any:
    """Replace in an output what differs from run to run."""
    if output.output_type == "stream":
        output.text = _replace_varying(output.text)
    else:
        output.data = {
            kind: _replace_varying(data) if kind.startswith("text/") else data for kind, data in output.data.items()
        }
        output.metadata = {}
    return output


def _replace_varying(text: str) -> str:
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return text


def warnings_of(notebook: nbformat.NotebookNode) -> str:
    """Return what a notebook wrote to standard error: warnings, which a reader should not see."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stderr")


def compare(expected: nbformat.NotebookNode, found: nbformat.NotebookNode) -> list[str]:
    """Return the lines of a diff of two notebooks; pictures are compared as pictures."""
    old, new = _lines(expected), _lines(found)
    lines = list(difflib.unified_diff(old, new, "file", "executed", lineterm="", n=1))
    pictures = list(zip(_pictures(expected), _pictures(found), strict=False))
    lines += [f"picture {number} differs" for number, pair in enumerate(pictures, 1) if not _look_alike(*pair)]
    return lines


def _lines(notebook: nbformat.NotebookNode) -> list[str]:
    lines = []
    for cell in notebook.cells:
        lines += [f"[{cell.cell_type}]", *cell.source.splitlines()]
        for output in cell.get("outputs", []):
            data = {"text/plain": output.text} if output.output_type == "stream" else output.data
            for kind, text in sorted(data.items()):
                lines += [f"[{kind}]", *(text.splitlines() if kind.startswith("text/") else [])]
    return lines


def _pictures(notebook: nbformat.NotebookNode) -> list[bytes]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [base64.b64decode(output.data["image/png"]) for output in outputs if "image/png" in output.get("data", {})]


def _look_alike(one: bytes, other: bytes) -> bool:
    if one == other:
        return True
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("expected.png", "executed.png")]
        for path, picture in zip(paths, (one, other), strict=True):
            path.write_bytes(picture)
        try:
            return compare_images(str(paths[0]), str(paths[1]), TOLERANCE) is None
        except ImageComparisonFailure:  # the sizes differ
            return False


async def main(names: list[str], *, check: bool) -> int:
    """Execute notebooks; return how many failed or, with `check`, differ from their file."""
    semaphore = asyncio.Semaphore(MAX_CONCURRENCY)

    async def process(name: str) -> bool:
        path = FOLDER / f"{name}.ipynb"
        try:
            async with semaphore:
                notebook = await execute(name)
        except CellExecutionError as error:
            print(f"{name}: FAILED, {error.ename}: {error.evalue}")
            return True
        if warnings := warnings_of(notebook):
            print(f"{name}: FAILED, it warns\n{warnings}")
            return True
        lines = compare(nbformat.read(path, 4), notebook) if path.exists() else ["there is no notebook yet"]
        if lines and not check:
            nbformat.write(notebook, path)
        print(f"{name}: {'unchanged' if not lines else 'DIFFERS' if check else 'written'}")
        if lines and check:
            print("\n".join(lines))
        return check and bool(lines)

    return sum(await asyncio.gather(*(process(name) for name in names)))


if __name__ == "__main__":
    sources = sorted(path.stem for path in (FOLDER / "source").glob("*.py"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the files, and write nothing")
    parser.add_argument("names", nargs="*", default=sources, metavar="NAME", help=f"of {', '.join(sources)}")
    options = parser.parse_args()
    sys.exit(1 if asyncio.run(main(options.names, check=options.check)) else 0)
