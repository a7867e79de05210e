"""Run many cases of every target and say what became of them: `make fuzz`.

`python -m tests.fuzz --only "openai answers" --from 1234 --cases 1 --trace` runs one case again.
"""

import argparse
import sys
import time

from tests.fuzz._run import RUN_MEGABYTES, peak_megabytes, run
from tests.fuzz._targets import ACCEPTED, TARGETS

SEED = 20261126


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=200_000, help="of all targets together")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", choices=sorted(TARGETS), help="one target")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--show", type=int, default=3, help="how many breaches of each target to show whole")
    parser.add_argument("--outcomes", action="store_true", help="list every outcome and how often it came")
    given = parser.parse_args()
    targets = {given.only: TARGETS[given.only]} if given.only else TARGETS
    each = -(-given.cases // len(targets))
    began, before = time.monotonic(), peak_megabytes()
    sys.stdout.write(f"seed {given.seed}, {each} cases of each target from number {given.first}\n")
    sys.stdout.write("target                     cases    read  outcomes   CPU s   slowest case  breaches\n")
    breaches = 0
    for name, target in targets.items():
        ran = run(target, name, range(given.first, given.first + each), given.seed, ACCEPTED.get(name, ()))
        number, slowest = ran.slowest
        sys.stdout.write(
            f"{name:<24}{each:>8}{ran.outcomes['read']:>8}{len(ran.outcomes):>10}{ran.seconds:>8.1f}"
            f"{f'{slowest:.2f} s (#{number})':>18}{len(ran.breaches):>7}\n"
        )
        for number, breach in list(ran.breaches.items())[: given.show]:
            sys.stdout.write(f"  #{number}: {breach}\n")
        if given.outcomes:
            sys.stdout.writelines(f"  {count:>8} {outcome}\n" for outcome, count in ran.outcomes.most_common())
        breaches += len(ran.breaches)
    grown = peak_megabytes() - before
    sys.stdout.write(
        f"{each * len(targets)} cases, {breaches} breaches, {time.monotonic() - began:.0f} s, grown by {grown:.0f} MB\n"
    )
    return int(bool(breaches) or grown > RUN_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
