"""The soak run finds a key in each place where it looks, and objects that something keeps."""

import logging
import os
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from benchmarks._soak_leaks import Sinks, count_state, open_sinks

KEY = f"gw/{secrets.token_hex(16)}+="


def write_error(sinks: Sinks, text: str) -> None:
    sinks.write_error(ValueError(text))


SHOWN: dict[str, Callable[[Sinks, str], object]] = {
    "logs": lambda _, text: logging.getLogger("httpx").info("GET %s", text),
    "stderr": lambda _, text: os.write(2, text.encode()),
    "errors": write_error,
}


@pytest.mark.parametrize("part", [KEY, KEY[3:19], KEY[19:35]], ids=["key", "first half", "second half"])
@pytest.mark.parametrize("place", SHOWN)
def test_a_key_is_found_wherever_it_is_shown(place: str, part: str) -> None:
    with open_sinks() as sinks:
        SHOWN[place](sinks, f"Bearer {part}")
        [found] = {text.partition(":")[0] for text in sinks.find_keys({KEY})}
        assert found == f"a key in {place}"
        assert sinks.find_keys({KEY}) == []


def test_a_key_is_found_in_a_trace() -> None:
    with open_sinks() as sinks:
        RunnableLambda(lambda text: text).invoke(KEY, {"callbacks": [sinks.tracer]})
        assert sinks.find_keys({KEY})


def test_other_text_is_not_a_key() -> None:
    with open_sinks() as sinks:
        write_error(sinks, secrets.token_hex(16))
        assert sinks.find_keys({KEY}) == []


def test_what_an_object_keeps_is_counted() -> None:
    kept: dict[str, Any] = {}
    before = count_state(kept)
    kept["calls"] = [[number] for number in range(1000)]
    assert count_state(kept) - before > 1000
