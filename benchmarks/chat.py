"""Chatting: what a call and a stream cost beside `ChatOpenAI`, the bare SDK and LangChain's own floor.

    python -m benchmarks.chat                            # everything, 5 rounds
    python -m benchmarks.chat --rounds 1 --only stream   # one measure, once

Prints the table, writes it with a picture into a folder (`--into`), and ends with status 1 if a target was missed. How
it is measured, and what it does not show: docs/benchmarks.md.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks._chat_contenders import OURS
from benchmarks._chat_results import IMPORTS, Row, Samples, markdown, rows_of
from benchmarks._processes import import_cpu, machine, measure, server

_SERVER, _MEASURES = "benchmarks._chat_server", "benchmarks._chat_measures"
_ENVIRONMENT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONHASHSEED": "0"}

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        peers: Beside whom.
        size: Events, messages, characters or models, as the measure says.
        times: Repetitions in a process, or what else the measure says.
        most: Most rounds, for what takes long and differs little.
    """

    peers: tuple[str, ...]
    size: int
    times: int
    most: int = 100


PLANS = {
    "stream": Plan(("chat-openai", "openai-sdk", "langchain"), size=1000, times=7),
    "short": Plan(("openai-sdk",), size=1, times=150),
    "history": Plan(("chat-openai",), size=200, times=7),
    "arguments": Plan((), size=10_000, times=5, most=1),
    "concurrent": Plan(("chat-openai",), size=200, times=300, most=2),
    "sustained": Plan(("chat-openai",), size=200, times=300, most=2),
    "construct": Plan(("chat-openai",), size=1000, times=5),
    "calls": Plan((), size=10_000, times=100, most=1),
    "interrupted": Plan((), size=1000, times=100, most=1),
}
"""By the measure's name."""

_TINY = {
    "stream": 20,
    "short": 1,
    "history": 8,
    "arguments": 200,
    "concurrent": 5,
    "sustained": 5,
    "construct": 3,
    "calls": 8,
    "interrupted": 8,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write it, and return how the process ends: 1 if a target was missed."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    told = machine()
    samples: Samples = {}
    with server(_SERVER) as origin:
        for number in range(asked.rounds):
            for name in asked.only:
                _round(samples, name, number, origin, tiny=asked.tiny)
    rows = rows_of(samples)
    missed = [row for row in rows if not row.met]
    text = f"{told}, {asked.rounds} rounds.\n\n{markdown(rows)}\n\n{_verdict(rows, missed)}\n"
    sys.stdout.write(text)
    if asked.into is not None:
        _write(asked.into, text, rows, samples)
    return int(bool(missed))


def _parser() -> argparse.ArgumentParser:
    names = [*PLANS, "import"]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chat", description="Measure chat.")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender (5)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="some measures")
    parser.add_argument("--tiny", action="store_true", help="as little as possible, to see that it works")
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="also write _chat.md, chat.png and _chat.json there"
    )
    return parser


def _round(samples: Samples, name: str, number: int, origin: str, *, tiny: bool) -> None:
    if name == "import":
        for what, code in _turned(list(IMPORTS.items()), number):
            samples.setdefault((name, what), []).append({"cpu": import_cpu(code) * 1000})
        return
    plan = PLANS[name]
    if number >= plan.most:
        return
    size, times = (_TINY[name], 2) if tiny else (plan.size, plan.times)
    # Each round begins with another contender, so that none always follows the same one.
    for contender in _turned([*plan.peers, *OURS], number):
        arguments = [name, contender, origin, f"--size={size}", f"--times={times}"]
        found = measure(_MEASURES, arguments, _ENVIRONMENT)
        samples.setdefault((name, contender), []).append(found)
        _log.info("round %d: %s, %s: %s", number + 1, name, contender, found)


def _turned(values: list[_T], number: int) -> list[_T]:
    start = number % len(values)
    return values[start:] + values[:start]


def _verdict(rows: Sequence[Row], missed: Sequence[Row]) -> str:
    return f"{len(missed)} of {len(rows)} targets missed." if missed else f"All {len(rows)} targets met."


def _write(folder: Path, text: str, rows: Sequence[Row], samples: Samples) -> None:
    from benchmarks._chat_picture import draw  # noqa: PLC0415 - matplotlib only where a picture is asked for

    folder.mkdir(parents=True, exist_ok=True)
    draw(rows, folder / "chat.png")
    # The page that includes it lies beside the folder; what begins with an underscore is no page of its own.
    picture = f"![Each ratio as a share of its target]({folder.name}/chat.png)"
    (folder / "_chat.md").write_text(f"{picture}\n\n{text}", encoding="utf-8")
    written = {f"{measured}, {contender}": numbers for (measured, contender), numbers in samples.items()}
    (folder / "_chat.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
