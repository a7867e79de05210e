"""One measure of one contender in a process of its own: `python -m benchmarks._chat_measures`, which prints JSON.

Times are processor time of the process, user and system, which other work on the machine changes little; where it says
so they are wall time. What is measured was called before, so that imports, clients and connections are there.
"""

import argparse
import asyncio
import gc
import json
import ssl
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from benchmarks._chat_contenders import CONTENDERS, Chat
from benchmarks._memory import PeakMemory, resident

PROMPT = "Where is the West Lake?"
_WARM = 2

Numbers = dict[str, Any]


def _prepared(chat: Chat) -> Chat:
    """Return a contender, ready for its next stream; LangChain's floor makes its chunks before it is measured."""
    if (prepare := getattr(chat, "prepare", None)) is not None:
        prepare()
    gc.collect()
    return chat


def _drained(events: Iterator[object]) -> int:
    return sum(1 for _ in events)


async def _adrained(events: AsyncIterator[object]) -> int:
    came = 0
    async for _ in events:
        came += 1
    return came


def _cpu(act: Callable[[], object], times: int, *, before: Callable[[], object] = gc.collect) -> list[float]:
    taken = []
    for _ in range(times):
        before()
        began = time.process_time()
        act()
        taken.append(time.process_time() - began)
    return taken


def stream(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure the processor time per event of a stream, in microseconds."""
    chat = build(origin, f"text/{size}/0")
    taken = _cpu(lambda: _drained(chat.stream(PROMPT)), times + _WARM, before=lambda: _prepared(chat))

    async def asynchronous() -> list[float]:
        spent = []
        for _ in range(times + _WARM):
            _prepared(chat)
            began = time.process_time()
            await _adrained(chat.astream(PROMPT))
            spent.append(time.process_time() - began)
        return spent

    ataken = asyncio.run(asynchronous())
    scale = 1e6 / size
    return {"sync": statistics.median(taken[_WARM:]) * scale, "async": statistics.median(ataken[_WARM:]) * scale}


def short(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:  # noqa: ARG001 - the others have one
    """Measure a short call: the median of its wall time and of its processor time, in microseconds."""
    chat = build(origin, "text/1/0")

    def medians(spent: list[tuple[float, float]]) -> Numbers:
        walls, cpus = zip(*spent[_WARM:], strict=True)
        return {"wall": statistics.median(walls) * 1e6, "cpu": statistics.median(cpus) * 1e6}

    def once() -> tuple[float, float]:
        began = time.perf_counter(), time.process_time()
        chat.invoke(PROMPT)
        return time.perf_counter() - began[0], time.process_time() - began[1]

    async def all_asynchronous() -> list[tuple[float, float]]:
        spent = []
        for _ in range(times + _WARM):
            began = time.perf_counter(), time.process_time()
            await chat.ainvoke(PROMPT)
            spent.append((time.perf_counter() - began[0], time.process_time() - began[1]))
        return spent

    return {"sync": medians([once() for _ in range(times + _WARM)]), "async": medians(asyncio.run(all_asynchronous()))}


def conversation(length: int) -> list[BaseMessage]:
    """Return so many messages, in turns of four: a question, a call of a tool, its result, an answer."""
    turns: list[BaseMessage] = []
    for number in range((length + 3) // 4):
        call = {"name": "lookup", "args": {"place": "West Lake", "number": number}, "id": f"call_{number}"}
        turns += [
            HumanMessage(f"How old is bridge {number} of the West Lake?"),
            AIMessage("", tool_calls=[call]),
            ToolMessage(json.dumps({"bridge": number, "built": 1189}), tool_call_id=f"call_{number}"),
            AIMessage(f"Bridge {number} was built in 1189, and is made of stone."),
        ]
    return [*turns[: length - 1], HumanMessage("And the next one?")]


def history(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure a call at the end of a conversation of so many messages, and of twice as many, in microseconds."""
    chat = build(origin, "text/1/0")
    once, twice = conversation(size), conversation(2 * size)
    shorter, longer = [], []
    for _ in range(times + _WARM):
        shorter += _cpu(lambda: chat.invoke(once), 1)
        longer += _cpu(lambda: chat.invoke(twice), 1)
    return {
        "once": statistics.median(shorter[_WARM:]) * 1e6,
        "twice": statistics.median(longer[_WARM:]) * 1e6,
    }


def arguments(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure a stream of a tool call with arguments of so many characters, and of ten times as many.

    In seconds; and in bytes the peak of the longer one beyond what was resident before, and how much more is resident
    after the last of them than after the first.
    """
    few, many = build(origin, f"arguments/{size}/0"), build(origin, f"arguments/{10 * size}/0")
    shorter = _cpu(lambda: _drained(few.stream(PROMPT)), times + _WARM)
    _drained(many.stream(PROMPT))
    gc.collect()
    before, peak = resident(), PeakMemory()
    longer = _cpu(lambda: _drained(many.stream(PROMPT)), times)
    grown = peak.taken().growth
    gc.collect()
    return {
        "few": statistics.median(shorter[_WARM:]),
        "many": statistics.median(longer),
        "peak": grown,
        "left": resident() - before,
    }


def concurrent(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure so many streams at once on one loop, of events that come every 20 ms, as a fast model sends them.

    That is more than one core carries of some contenders. Who falls behind reads the rest of a stream at once, without
    gaps: of these, the slowest has the fewest.
    """
    return _side_by_side(build(origin, f"text/{size}/20"), times)


def sustained(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure the same for events that come every 150 ms, which one core carries of each contender."""
    return _side_by_side(build(origin, f"text/{size}/150"), times)


def _side_by_side(chat: Chat, times: int) -> Numbers:
    """Measure so many streams at once on one loop: all in seconds."""
    gaps: list[float] = []

    async def one() -> None:
        before: float | None = None
        async for _ in chat.astream(PROMPT):
            now = time.perf_counter()
            if before is not None:
                gaps.append(now - before)
            before = now

    async def all_streams() -> tuple[float, float]:
        await one()
        gaps.clear()
        began = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one() for _ in range(times)))
        return time.perf_counter() - began[0], time.process_time() - began[1]

    wall, cpu = asyncio.run(all_streams())
    return {"wall": wall, "cpu": cpu, "p99": statistics.quantiles(gaps, n=100)[98]}


def construct(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure how long a model takes to make, of one connection and each of its own, in microseconds.

    And what was opened for so many: sockets and contexts of TLS.
    """
    origin = origin.replace("http://", "https://")
    build(origin, "text/1/0")
    contexts = _contexts()
    one = _cpu(lambda: [build(origin, "text/1/0") for _ in range(size)], times)
    kept: list[list[Chat]] = []
    each = _cpu(
        lambda: kept.append([build(origin, "text/1/0", api_key=f"sk-{len(kept)}-{n}") for n in range(size)]), times
    )
    return {
        "one": statistics.median(one) / size * 1e6,
        "each": statistics.median(each) / size * 1e6,
        "sockets": _sockets(),
        "contexts": _contexts() - contexts,
    }


def _contexts() -> int:
    return sum(isinstance(found, ssl.SSLContext) for found in gc.get_objects())


def _sockets() -> int:
    opened = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            opened += str(descriptor.readlink()).startswith("socket:")
        except OSError:  # the one by which the folder is read
            continue
    return opened


def calls(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure resident memory after so many calls beyond that after the first 100, in bytes, and what stays open."""
    chat = build(origin, "text/1/0")
    for _ in range(times):
        chat.invoke(PROMPT)
    before = _settled()
    for _ in range(size - times):
        chat.invoke(PROMPT)
    return {"grown": _settled() - before, "sockets": _sockets(), "tasks": 0}


def interrupted(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure the same for streams of 100 events of which only three are taken, each second one asynchronously."""
    chat = build(origin, "text/100/0")

    def one() -> None:
        events = chat.stream(PROMPT)
        for _ in range(3):
            next(events)
        getattr(events, "close")()  # noqa: B009 - an iterator by its type, a generator by its kind

    async def aone() -> None:
        events = chat.astream(PROMPT)
        for _ in range(3):
            await anext(events)
        await getattr(events, "aclose")()  # noqa: B009 - as above

    async def all_of_them() -> Numbers:
        for _ in range(times // 2):
            one()
            await aone()
        before = _settled()
        for _ in range((size - times) // 2):
            one()
            await aone()
        # An asynchronous generator inside another one is closed by the loop, in its next turns.
        await asyncio.sleep(0.1)
        return {"grown": _settled() - before, "tasks": len(asyncio.all_tasks()) - 1, "sockets": _sockets() - _OWN}

    return asyncio.run(all_of_them())


_OWN = 2
"""Sockets of a running event loop: the pair by which it is woken."""


def _settled() -> int:
    gc.collect()
    return resident()


MEASURES = {
    measure.__name__: measure
    for measure in (stream, short, history, arguments, concurrent, sustained, construct, calls, interrupted)
}


def main(given: Sequence[str] | None = None) -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description="Measure one contender once.")
    parser.add_argument("measure", choices=MEASURES)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("origin", help="the server's, such as http://127.0.0.1:8000")
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--times", type=int, required=True)
    asked = parser.parse_args(given)
    build = CONTENDERS[asked.contender].build
    numbers = MEASURES[asked.measure](build, asked.origin, asked.size, asked.times)
    sys.stdout.write(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main()
