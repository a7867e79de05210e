"""A short run of `make fuzz`, and that the fuzzer itself finds foreign errors, slow cases and opened files."""

from pathlib import Path
from random import Random
from time import process_time

import pytest

from langchain_qwen_workspace import UnsupportedInputError
from tests.fuzz import _run
from tests.fuzz._http import HTTP_TARGETS
from tests.fuzz._mutations import JSON_VALUES, mutate_several_times, pieces_of, to_json
from tests.fuzz._run import forbid_opening, run
from tests.fuzz._seeds import ANSWERS
from tests.fuzz._targets import ACCEPTED, TARGETS

SEED = 7


@pytest.mark.filterwarnings("ignore::UserWarning")  # What a message has and a protocol ignores is warned of.
@pytest.mark.parametrize("cases", [120, pytest.param(5_000, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", [*TARGETS, *HTTP_TARGETS])
def test_only_the_packages_own_errors_are_raised(name: str, cases: int) -> None:
    result = run((TARGETS | HTTP_TARGETS)[name], name, range(cases), SEED, ACCEPTED.get(name, ()))

    assert result.breaches == {}
    assert result.outcomes.total() == cases
    # Some cases are refused, and some are accepted.
    assert 0 < result.outcomes["accepted"] < cases


def test_a_seed_makes_the_same_case_again() -> None:
    seed = ANSWERS["openai"][0]
    first, again, other = (to_json(mutate_several_times(seed, Random(name), JSON_VALUES)) for name in ("1", "1", "2"))

    assert first == again != other
    assert b"".join(pieces_of(first, Random(1))) == first


def _slow(_: Random) -> None:
    end = process_time() + 0.1
    while process_time() < end:
        pass


def _foreign(random: Random) -> None:
    if random.random() < 0.5:
        raise UnsupportedInputError("This is one of ours.")
    raise KeyError("This is not.")


def _reading(_: Random) -> None:
    with forbid_opening():
        Path(__file__).read_bytes()


def test_a_foreign_error_is_a_breach() -> None:
    result = run(_foreign, "a", range(20), SEED)

    assert 0 < len(result.breaches) < 20
    assert all("This is not." in breach for breach in result.breaches.values())
    assert {outcome.split()[0] for outcome in result.outcomes} == {"UnsupportedInputError", "BREACH"}


def test_a_slow_case_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "CASE_SECONDS", 0.02)
    assert run(_slow, "a", range(1), SEED).breaches.keys() == {0}


def test_a_case_that_opens_a_file_is_a_breach() -> None:
    [breach] = run(_reading, "a", range(1), SEED).breaches.values()

    assert "test_fuzz.py" in breach
