"""Runs the processes of a benchmark: its server, and a fresh one for each measured call."""

import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_TIMEOUT = 600.0


class MeasurementError(Exception):
    """A measured process failed; the message is the end of what it wrote."""


@contextmanager
def server(module: str, *arguments: str) -> Iterator[str]:
    """Run a server, yield the origin that it prints, and terminate it."""
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            origin = process.stdout.readline().strip() if process.stdout else ""
            if not origin:
                raise MeasurementError(f"`{module}` did not start.")
            yield origin
        finally:
            process.terminate()


def measure(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Run a module in a fresh process and return the JSON of its last line.

    The process's environment has no variable that would point a client to another service.

    Raises:
        MeasurementError: The process failed or timed out.
    """
    try:
        process = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**_environment(), **environment},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise MeasurementError(f"no answer in {_TIMEOUT:.0f} s") from expired
    if process.returncode:
        raise MeasurementError(_reason(process.stderr) or f"exit status {process.returncode}")
    answer: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return answer


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("DASHSCOPE_", "OPENAI_"))}


def process_cpu(code: str, environment: Mapping[str, str] | None = None) -> float:
    """Return the seconds of processor time of a fresh interpreter that executes `code`, from its start to its exit."""
    environment = {**_environment(), **(environment or {})}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)  # noqa: S603 - our own code
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def machine() -> str:
    """Describe the machine; a load of more than a few tenths before the start means that the numbers are noisy."""
    about = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"{about}, load before the start {os.getloadavg()[0]:.2f}"


def _reason(stderr: str) -> str:
    """Return the message of the exception that ended a process: what follows the traceback's last line of code."""
    _, _, tail = f"\n{stderr}".rpartition("\n  File ")
    lines = [line for line in tail.splitlines() if line.strip(" ^~")]
    # The first two lines are the position and the code.
    return " ".join(line.strip() for line in (lines[2:] or lines))
