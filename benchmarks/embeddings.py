"""Embedding many documents: throughput and memory beside the classes that people use otherwise.

    python -m benchmarks.embeddings                      # everything, 5 rounds
    python -m benchmarks.embeddings --rounds 1 --json embeddings.json

First measure: 1,000 texts of 200 to 600 characters, vectors of 1,024 components, a server on loopback that answers
each request after 100 ms. Each run is a process of its own, which imports one contender, warms up with one request and
then embeds all texts with one call; rounds are interleaved, so that noise hits all alike. Told are the median of the
throughput and its range, the ratio to both peers in the same mode (synchronous or asynchronous), what the server
counted, the peak of resident memory beyond what the process had after its warm-up (see `benchmarks._memory`), the
processor time of the process, and how long the server took by its own clock: more than its delay where it was held up.
Every component of every vector is compared with what the server sent.

Second measure: texts from a generator through `lazy_embed_documents`, vectors of 64 components, no delay; the vectors
are compared and dropped. Ten times the texts must not need more memory.

What it does not show: how fast Model Studio is, what its rate limits allow, what TLS, compression and a slow line cost.
The server's delay does not depend on how many requests are under way. On the native protocol both peers and we get
numbers as text, on the compatible one `OpenAIEmbeddings` asks for base64 by itself.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import _embedding_results as found
from benchmarks._contenders import CONTENDERS, MODES, environment
from benchmarks._processes import MeasurementError, machine, measure, server
from benchmarks._report import Target, verdict

_SERVER, _EMBED = "benchmarks._server", "benchmarks._embed"
_DIMENSIONS, _LAZY_DIMENSIONS = 1024, 64
_LAZY_CONTENDERS = ("qwen-openai", "qwen-dashscope")
_TIMES = 10

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets, and return how the process ends: 1 if a target was missed."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    told: dict[str, Any] = {"machine": machine(), "asked": {k: v for k, v in vars(asked).items() if k != "json"}}
    parts, targets = [f"# Embeddings\n\n{told['machine']}."], list[Target]()
    if asked.texts:
        results = _throughput(asked)
        parts.append(
            f"## Throughput\n\n{asked.texts:,} texts, {_DIMENSIONS:,} dimensions, {asked.delay:g} s delay, "
            f"{asked.rounds} rounds\n\n{found.throughput_table(results)}"
        )
        targets += found.throughput_targets(results)
        told["throughput"] = [series.to_dict() for series in results.values()]
    if asked.lazy_texts:
        pairs = _lazy(asked)
        flat = [series for pair in pairs for series in pair]
        parts.append(f"## Lazily, no delay, {_LAZY_DIMENSIONS} dimensions\n\n{found.lazy_table(flat)}")
        targets += [target for few, many in pairs for target in found.lazy_targets(few, many)]
        told["lazy"] = [series.to_dict() for series in flat]
    told["targets"] = [{"reached": target.reached, "what": target.what} for target in targets]
    parts.append(f"## Targets\n\n{verdict(targets)}")
    sys.stdout.write("\n\n".join(parts) + "\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return int(not all(target.reached for target in targets))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embeddings", description="Measure embeddings.")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender (5)")
    parser.add_argument("--texts", type=int, default=1000, help="texts of a call, 0 leaves the measure out (1000)")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds from a request to its answer (0.1)")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="some contenders")
    parser.add_argument("--mode", nargs="+", choices=MODES, default=list(MODES), help="some modes")
    parser.add_argument(
        "--lazy-texts", type=int, default=10_000, help="texts of the shorter generator, 0 leaves it out (10000)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers to a file")
    return parser


def _throughput(asked: argparse.Namespace) -> found.Results:
    results = found.series_of(asked.only, asked.mode, asked.texts)
    with server(_SERVER, f"--dimensions={_DIMENSIONS}", f"--delay={asked.delay}") as origin:
        for number in range(asked.rounds):
            _log.info("round %d of %d", number + 1, asked.rounds)
            order = list(results)
            # Each round begins with another contender, so that none always follows the same one into a cold machine.
            for key in order[number % len(order) :] + order[: number % len(order)]:
                _run(results[key], key[0], origin, _DIMENSIONS)
    return results


def _lazy(asked: argparse.Namespace) -> list[tuple[found.Series, found.Series]]:
    pairs = []
    with server(_SERVER, f"--dimensions={_LAZY_DIMENSIONS}", "--delay=0") as origin:
        for name in (name for name in _LAZY_CONTENDERS if name in asked.only):
            few, many = (
                found.Series(CONTENDERS[name], "lazy", texts) for texts in (asked.lazy_texts, _TIMES * asked.lazy_texts)
            )
            for series in (few, many):
                _run(series, name, origin, _LAZY_DIMENSIONS)
            pairs.append((few, many))
    return pairs


def _run(series: found.Series, name: str, origin: str, dimensions: int) -> None:
    """Measure once more, unless it failed before: an error would come again, and would take its time again."""
    if series.error is not None:
        return
    options = [f"--texts={series.texts}", f"--dimensions={dimensions}"]
    try:
        series.runs.append(measure(_EMBED, [name, series.mode, origin, *options], environment(origin)))
    except MeasurementError as error:
        series.error = str(error)
        _log.info("%s failed: %s", series.label, error)
    else:
        _log.info("%s: %.1f texts/s", series.label, series.rates[-1])


if __name__ == "__main__":
    sys.exit(main())
