"""Compares the throughput and memory of embedding many documents with the usual alternatives.

    python -m benchmarks.embeddings                      # all measures, 5 rounds
    python -m benchmarks.embeddings --rounds 1 --json embeddings.json

The throughput measure: 1,000 texts of 200 to 600 characters, vectors of 1,024 components, a server on loopback that
responds after 100 ms. Each run is a process of its own, which imports one contender, warms up with one request and then
embeds all texts in one call; rounds are interleaved, so that noise affects all contenders. The table has the median of
the throughput and its range, the ratio to both peers in the same mode (synchronous or asynchronous), the server's
statistics, the growth of the peak of resident memory after the warm-up (see `benchmarks._memory`), the processor time
of the process, and the time that the server needed by its own clock, which exceeds its delay if it was busy. Every
component of every vector is compared with what the server sent.

The lazy measure: texts from a generator through `lazy_embed_documents`, vectors of 64 components, no delay; the vectors
are compared and dropped. Ten times the texts must not need more memory.

What it does not show: how fast Model Studio is, what its rate limits allow, what TLS, compression and a slow line cost.
The server's delay does not depend on the number of requests in flight. Vectors arrive as numbers in JSON, except
that `OpenAIEmbeddings` requests base64 by itself.
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
from benchmarks._report import Target, summary

_SERVER, _EMBED = "benchmarks._server", "benchmarks._embed"
_DIMENSIONS, _LAZY_DIMENSIONS = 1024, 64
_LAZY_CONTENDERS = ("qwen-openai", "qwen-dashscope")
_TIMES = 10

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets, and return the exit status: 1 if a target is missed."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    results_json: dict[str, Any] = {
        "machine": machine(),
        "options": {k: v for k, v in vars(options).items() if k != "json"},
    }
    parts, targets = [f"# Embeddings\n\n{results_json['machine']}."], list[Target]()
    if options.texts:
        results = _throughput(options)
        parts.append(
            f"## Throughput\n\n{options.texts:,} texts, {_DIMENSIONS:,} dimensions, {options.delay:g} s delay, "
            f"{options.rounds} rounds\n\n{found.throughput_table(results)}"
        )
        targets += found.throughput_targets(results)
        results_json["throughput"] = [series.to_dict() for series in results.values()]
    if options.lazy_texts:
        pairs = _lazy(options)
        flat = [series for pair in pairs for series in pair]
        parts.append(f"## Lazily, no delay, {_LAZY_DIMENSIONS} dimensions\n\n{found.lazy_table(flat)}")
        targets += [target for few, many in pairs for target in found.lazy_targets(few, many)]
        results_json["lazy"] = [series.to_dict() for series in flat]
    results_json["targets"] = [{"met": target.met, "what": target.what} for target in targets]
    parts.append(f"## Targets\n\n{summary(targets)}")
    sys.stdout.write("\n\n".join(parts) + "\n")
    if options.json is not None:
        options.json.write_text(json.dumps(results_json, indent=2) + "\n", encoding="utf-8")
    return int(not all(target.met for target in targets))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embeddings", description="Measure embeddings.")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender (5)")
    parser.add_argument("--texts", type=int, default=1000, help="texts of a call, 0 to skip the measure (1000)")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds from a request to its response (0.1)")
    parser.add_argument(
        "--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="the contenders to measure (all)"
    )
    parser.add_argument("--mode", nargs="+", choices=MODES, default=list(MODES), help="the modes to measure (both)")
    parser.add_argument(
        "--lazy-texts", type=int, default=10_000, help="texts of the shorter generator, 0 to skip the measure (10000)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers to a file")
    return parser


def _throughput(options: argparse.Namespace) -> found.Results:
    results = found.empty_series(options.only, options.mode, options.texts)
    with server(_SERVER, f"--dimensions={_DIMENSIONS}", f"--delay={options.delay}") as origin:
        for number in range(options.rounds):
            _log.info("round %d of %d", number + 1, options.rounds)
            order = list(results)
            # Each round starts with another contender, so that none always follows the same one.
            for key in order[number % len(order) :] + order[: number % len(order)]:
                _run(results[key], key[0], origin, _DIMENSIONS)
    return results


def _lazy(options: argparse.Namespace) -> list[tuple[found.Series, found.Series]]:
    pairs = []
    with server(_SERVER, f"--dimensions={_LAZY_DIMENSIONS}", "--delay=0") as origin:
        for name in (name for name in _LAZY_CONTENDERS if name in options.only):
            few, many = (
                found.Series(CONTENDERS[name], "lazy", texts)
                for texts in (options.lazy_texts, _TIMES * options.lazy_texts)
            )
            for series in (few, many):
                _run(series, name, origin, _LAZY_DIMENSIONS)
            pairs.append((few, many))
    return pairs


def _run(series: found.Series, name: str, origin: str, dimensions: int) -> None:
    """Measure once more, unless a run of the series has failed: it would most likely fail again."""
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
