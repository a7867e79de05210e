"""Runs many cases of every target and prints their outcomes: `make fuzz`.

`python -m tests.fuzz --only "openai answers" --from 1234 --cases 1` runs one case again.
"""

import argparse
import sys
import time
from collections.abc import Mapping

from tests.fuzz._http import HTTP_TARGETS
from tests.fuzz._run import RUN_MEGABYTES, Target, peak_megabytes, run
from tests.fuzz._targets import ACCEPTED, TARGETS

SEED = 20261126


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=200_000, help="of all targets together, but those over HTTP")
    parser.add_argument("--http-cases", type=int, default=20_000, help="of all targets over HTTP together")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", choices=sorted(TARGETS | HTTP_TARGETS), help="one target")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--show", type=int, default=3, help="how many breaches of each target to print in full")
    parser.add_argument("--outcomes", action="store_true", help="print every outcome and its number of cases")
    given = parser.parse_args()
    everything = TARGETS | HTTP_TARGETS
    targets = {given.only: everything[given.only]} if given.only else everything
    numbers_of = {name: _numbers(name, targets, given) for name in targets}
    began, before = time.monotonic(), peak_megabytes()
    sys.stdout.write(f"seed {given.seed}, from number {given.first}\n")
    sys.stdout.write("target                     cases accepted outcomes   CPU s   slowest case  breaches\n")
    breaches = 0
    for name, target in targets.items():
        result = run(target, name, numbers_of[name], given.seed, ACCEPTED.get(name, ()))
        number, slowest = result.slowest
        sys.stdout.write(
            f"{name:<24}{len(numbers_of[name]):>8}{result.outcomes['accepted']:>8}{len(result.outcomes):>10}{result.seconds:>8.1f}"
            f"{f'{slowest:.2f} s (#{number})':>18}{len(result.breaches):>7}\n"
        )
        for number, breach in list(result.breaches.items())[: given.show]:
            sys.stdout.write(f"  #{number}: {breach}\n")
        if given.outcomes:
            sys.stdout.writelines(f"  {count:>8} {outcome}\n" for outcome, count in result.outcomes.most_common())
        breaches += len(result.breaches)
    grown = peak_megabytes() - before
    sys.stdout.write(
        f"{sum(map(len, numbers_of.values()))} cases, {breaches} breaches, {time.monotonic() - began:.0f} s, "
        f"grown by {grown:.0f} MB\n"
    )
    return int(bool(breaches) or grown > RUN_MEGABYTES)


def _numbers(name: str, targets: Mapping[str, Target], given: argparse.Namespace) -> range:
    """Return the numbers of a target's cases."""
    is_http = name in HTTP_TARGETS
    total = given.http_cases if is_http else given.cases
    return range(given.first, given.first + -(-total // sum((other in HTTP_TARGETS) == is_http for other in targets)))


if __name__ == "__main__":
    sys.exit(main())
