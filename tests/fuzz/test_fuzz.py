"""A short run of `make fuzz`, and that the fuzzer itself notices what it looks for."""

from pathlib import Path
from random import Random
from time import process_time

import pytest

from langchain_qwen_workspace import UnsupportedInputError
from tests.fuzz import _run
from tests.fuzz._mutations import JSON_VALUES, mutated_often, pieces_of, written
from tests.fuzz._run import run, touching_nothing
from tests.fuzz._seeds import ANSWERS
from tests.fuzz._targets import ACCEPTED, TARGETS

SEED, CASES = 7, 120


@pytest.mark.parametrize("name", TARGETS)
def test_only_the_packages_own_errors_come_out(name: str) -> None:
    ran = run(TARGETS[name], name, range(CASES), SEED, ACCEPTED.get(name, ()))

    assert ran.breaches == {}
    assert ran.outcomes.total() == CASES
    # Neither is all refused, nor all taken.
    assert 0 < ran.outcomes["read"] < CASES


def test_a_case_is_the_same_again() -> None:
    seed = ANSWERS["openai"][0]
    first, again, other = (written(mutated_often(seed, Random(name), JSON_VALUES)) for name in ("1", "1", "2"))

    assert first == again != other
    assert b"".join(pieces_of(first, Random(1))) == first


def _slow(_: Random) -> None:
    end = process_time() + 0.1
    while process_time() < end:
        pass


def _foreign(random: Random) -> None:
    if random.random() < 0.5:
        raise UnsupportedInputError("This is one of ours.")
    raise KeyError("and this is none")


def _reading(_: Random) -> None:
    with touching_nothing():
        Path(__file__).read_bytes()


def test_a_foreign_error_is_a_breach() -> None:
    ran = run(_foreign, "a", range(20), SEED)

    assert 0 < len(ran.breaches) < 20
    assert all("and this is none" in breach for breach in ran.breaches.values())
    assert {outcome.split()[0] for outcome in ran.outcomes} == {"UnsupportedInputError", "BREACH"}


def test_a_slow_case_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "CASE_SECONDS", 0.02)
    assert run(_slow, "a", range(1), SEED).breaches.keys() == {0}


def test_a_case_that_opens_a_file_is_a_breach() -> None:
    [breach] = run(_reading, "a", range(1), SEED).breaches.values()

    assert "test_fuzz.py" in breach
