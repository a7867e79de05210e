"""Execute the notebooks: write their outputs, or compare them with what is written.

    python cookbook/_notebooks.py [--check] [NAME ...]

A notebook's source is a script of `cookbook/source`, in jupytext's percent format; the `.ipynb` beside this file is
made of it. Whoever executes them has no key, so that the sandbox answers and the outputs are the same everywhere, but
for what `VARYING` lists.
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
AT_ONCE = 2
# Nobody's key and settings, and shells that find this Python.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DASHSCOPE", "OPENAI", "LANGSMITH", "LANGCHAIN", "PYTEST"))
} | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
# Ports, ids, times: what differs from run to run, and the words that are written for it.
VARYING = [
    (re.compile(pattern), written)
    for pattern, written in (
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\b(call|chatcmpl|batch|file)[-_][0-9a-f-]{8,}", r"\1-ID"),
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
        (r"\bsk-[0-9a-f]{16,}", "sk-…"),
        (r"\bin \d+\.\d+s\b", "in N s"),
        (r"/tmp/[\w./-]+", "/tmp/FOLDER"),  # noqa: S108 - a pattern
    )
]
# Of the root mean square of two pictures' pixels: other releases of the fonts' renderer move edges by less.
TOLERANCE = 8.0


async def executed(name: str) -> nbformat.NotebookNode:
    """Return a notebook made of its source, with outputs."""
    notebook = jupytext.read(FOLDER / "source" / f"{name}.py")
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
    )
    await client.async_execute(env=ENVIRONMENT)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{name}-{number}"
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [steady(output) for output in joined(cell.outputs)]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def joined(outputs: list[Any]) -> Iterator[Any]:
    """Yield outputs with the pieces of one stream put together: how they are cut is a matter of time."""
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


def steady(output: Any) -> Any:
    """Return an output without what differs from run to run."""
    if output.output_type == "stream":
        output.text = _steady_text(output.text)
    else:
        output.data = {
            kind: _steady_text(data) if kind.startswith("text/") else data for kind, data in output.data.items()
        }
        output.metadata = {}
    return output


def _steady_text(text: str) -> str:
    for pattern, written in VARYING:
        text = pattern.sub(written, text)
    return text


def said_aside(notebook: nbformat.NotebookNode) -> str:
    """Return what a notebook wrote to standard error: warnings, which nobody should be shown."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stderr")


def differences(written: nbformat.NotebookNode, found: nbformat.NotebookNode) -> list[str]:
    """Return what of a notebook is not what came out, as lines of a diff; pictures are compared as pictures."""
    old, new = _lines(written), _lines(found)
    lines = list(difflib.unified_diff(old, new, "as written", "as executed", lineterm="", n=1))
    pictures = list(zip(_pictures(written), _pictures(found), strict=False))
    lines += [f"picture {number} differs" for number, pair in enumerate(pictures, 1) if not _alike(*pair)]
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


def _alike(one: bytes, other: bytes) -> bool:
    if one == other:
        return True
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("written.png", "executed.png")]
        for path, picture in zip(paths, (one, other), strict=True):
            path.write_bytes(picture)
        try:
            return compare_images(str(paths[0]), str(paths[1]), TOLERANCE) is None
        except ImageComparisonFailure:  # of another size
            return False


async def main(names: list[str], *, check: bool) -> int:
    """Execute notebooks, and return how many failed or, when checking, are not as they were written."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def treated(name: str) -> bool:
        path = FOLDER / f"{name}.ipynb"
        try:
            async with gate:
                notebook = await executed(name)
        except CellExecutionError as error:
            print(f"{name}: FAILED, {error.ename}: {error.evalue}")
            return True
        if warned := said_aside(notebook):
            print(f"{name}: FAILED, it warns\n{warned}")
            return True
        lines = differences(nbformat.read(path, 4), notebook) if path.exists() else ["there is no notebook yet"]
        if lines and not check:
            nbformat.write(notebook, path)
        print(f"{name}: {'as written' if not lines else 'DIFFERS' if check else 'written'}")
        if lines and check:
            print("\n".join(lines))
        return check and bool(lines)

    return sum(await asyncio.gather(*(treated(name) for name in names)))


if __name__ == "__main__":
    sources = sorted(path.stem for path in (FOLDER / "source").glob("*.py"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with what is written, and write nothing")
    parser.add_argument("names", nargs="*", default=sources, metavar="NAME", help=f"of {', '.join(sources)}")
    given = parser.parse_args()
    sys.exit(1 if asyncio.run(main(given.names, check=given.check)) else 0)
