"""Each guarantee of SECURITY.md names tests, and these exist."""

import re
from pathlib import Path

import pytest

from tests.fuzz._http import HTTP_TARGETS
from tests.fuzz._targets import TARGETS

ROOT = Path(__file__).parent.parent.parent

_ROW = re.compile(r"^\| (?P<guarantee>.+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
_ROWS = [(row["guarantee"], row["tests"]) for row in _ROW.finditer((ROOT / "SECURITY.md").read_text())][1:]


def missing_in(tests: str) -> list[str]:
    """Return what a guarantee names as its tests and does not exist; a name stands before its file."""
    missing, names = [], list[str]()
    target_names = {word for target in TARGETS | HTTP_TARGETS for word in (target, target.split(" ", 1)[-1])}
    for code in _CODE.findall(tests):
        if code.startswith("test_"):
            names.append(code)
        elif code.startswith("tests/"):
            path = ROOT / code
            source = path.read_text() if path.is_file() else ""
            missing += [name for name in names if f"def {name}(" not in source]
            missing += [] if path.exists() else [code]
            names = []
        elif code != "make fuzz" and code not in target_names:
            missing.append(code)
    return missing + names


@pytest.mark.parametrize("tests", [tests for _, tests in _ROWS], ids=[guarantee[:60] for guarantee, _ in _ROWS])
def test_the_tests_of_a_guarantee_exist(tests: str) -> None:
    assert "`tests/" in tests
    assert missing_in(tests) == []


def test_there_are_guarantees() -> None:
    assert len(_ROWS) > 25


@pytest.mark.parametrize(
    "tests",
    [
        "`tests/no_such_file.py`",
        "`test_no_such_test` in `tests/project/test_security.py`",
        "`test_there_are_guarantees`",
        "the target `no such target` of `tests/fuzz`",
    ],
)
def test_a_test_that_does_not_exist_is_found(tests: str) -> None:
    assert len(missing_in(tests)) == 1
