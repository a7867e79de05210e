"""Counts with callgrind how many instructions a streamed event and a call with a long history take.

    python -m benchmarks.instructions            # prints the table
    python -m benchmarks.instructions --write    # also writes it to benchmarks/instructions.md

Times differ from machine to machine and from minute to minute; counts of the same interpreter and the same releases of
the dependencies differ by less than a percent.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks import _callgrind_target
from benchmarks._processes import ROOT
from benchmarks._report import table

_FILE = Path(__file__).with_suffix(".md")
_RELEASES = ("langchain-core", "pydantic", "openai", "dashscope", "httpx2", "httpx")
_COMMAND = "make instructions"


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"also write {_FILE.name}")
    options = parser.parse_args(arguments)
    text = _report(count_instructions())
    sys.stdout.write(text)
    if options.write:
        _FILE.write_text(text, encoding="utf-8")
    return 0


def count_instructions() -> dict[str, int]:
    """Return the number of instructions of each case."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        valgrind = [
            "valgrind",
            "--tool=callgrind",
            f"--toggle-collect={_callgrind_target.COUNTED_FUNCTION}",
            f"--dump-after={_callgrind_target.COUNTED_FUNCTION}",
            f"--callgrind-out-file={out}",
        ]
        subprocess.run(  # noqa: S603 - our own module
            [*valgrind, sys.executable, "-m", _callgrind_target.__name__],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stderr=subprocess.DEVNULL,
            check=True,
        )
        names = list(_callgrind_target.cases())
        dumps = sorted(Path(folder).glob("out.*"), key=lambda dump: int(dump.suffix[1:]))
        return {name: _total(dump) for name, dump in zip(names, dumps[-len(names) :], strict=True)}


def _total(dump: Path) -> int:
    lines = dump.read_text(encoding="utf-8", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(("totals:", "summary:")))


def _report(counts: dict[str, int]) -> str:
    rows = []
    for name, count in counts.items():
        per = _callgrind_target.EVENTS if name.startswith("stream") else _callgrind_target.MESSAGES
        unit = "event" if name.startswith("stream") else "message"
        rows.append([name, f"{count:,}", f"{count // per:,} per {unit}"])
    releases = ", ".join(f"{name} {version(name)}" for name in _RELEASES)
    return (
        "# Instructions\n\n"
        f"{_callgrind_target.EVENTS:,} events through `.stream()`; `.invoke()` with {_callgrind_target.MESSAGES} "
        f"messages, a quarter of them with a tool call. `{_COMMAND}`, PYTHONHASHSEED=0, CPython "
        f"{platform.python_version()} on {platform.machine()}, {releases}.\n\n"
        f"{table(['Case', 'Instructions', 'Each'], rows)}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
