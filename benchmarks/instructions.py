"""How many instructions a streamed event and a call with a long history take, counted by callgrind.

    python -m benchmarks.instructions            # prints the table
    python -m benchmarks.instructions --write    # and writes it to benchmarks/instructions.md

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

from benchmarks import _counted
from benchmarks._processes import ROOT
from benchmarks._report import table

_FILE = Path(__file__).with_suffix(".md")
_RELEASES = ("langchain-core", "pydantic", "openai", "dashscope", "httpx2", "httpx")
_COMMAND = "make instructions"


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"also write {_FILE.name}")
    asked = parser.parse_args(arguments)
    text = _told(counted())
    sys.stdout.write(text)
    if asked.write:
        _FILE.write_text(text, encoding="utf-8")
    return 0


def counted() -> dict[str, int]:
    """Return the instructions of each case."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        valgrind = [
            "valgrind",
            "--tool=callgrind",
            f"--toggle-collect={_counted.COUNTED_BY}",
            f"--dump-after={_counted.COUNTED_BY}",
            f"--callgrind-out-file={out}",
        ]
        subprocess.run(  # noqa: S603 - our own module
            [*valgrind, sys.executable, "-m", _counted.__name__],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stderr=subprocess.DEVNULL,
            check=True,
        )
        names = list(_counted.cases())
        dumps = sorted(Path(folder).glob("out.*"), key=lambda dump: int(dump.suffix[1:]))
        return {name: _total(dump) for name, dump in zip(names, dumps[-len(names) :], strict=True)}


def _total(dump: Path) -> int:
    lines = dump.read_text(encoding="utf-8", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(("totals:", "summary:")))


def _told(counts: dict[str, int]) -> str:
    rows = []
    for name, count in counts.items():
        per = _counted.EVENTS if name.startswith("stream") else _counted.MESSAGES
        unit = "event" if name.startswith("stream") else "message"
        rows.append([name, f"{count:,}", f"{count // per:,} per {unit}"])
    releases = ", ".join(f"{name} {version(name)}" for name in _RELEASES)
    return (
        "# Instructions\n\n"
        f"{_counted.EVENTS:,} events through `.stream()`; `.invoke()` with {_counted.MESSAGES} messages, "
        f"a fourth of them with a tool call. `{_COMMAND}`, PYTHONHASHSEED=0, CPython {platform.python_version()} on "
        f"{platform.machine()}, {releases}.\n\n{table(['Case', 'Instructions', 'Each'], rows)}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
