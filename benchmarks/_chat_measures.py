"""Takes one measure of one contender in a process of its own (`python -m benchmarks._chat_measures`), and prints JSON.

Times are processor time of the process, user and system, which other work on the machine changes little, unless a
docstring says wall time. Each measure warms up first, so that imports, clients and connections are not measured.
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


def _prepare(chat: Chat) -> Chat:
    """Return a contender, ready for its next stream; LangChain's baseline makes its chunks here."""
    if (prepare := getattr(chat, "prepare", None)) is not None:
        prepare()
    gc.collect()
    return chat


def _count_events(events: Iterator[object]) -> int:
    return sum(1 for _ in events)


async def _acount_events(events: AsyncIterator[object]) -> int:
    count = 0
    async for _ in events:
        count += 1
    return count


def _cpu_times(function: Callable[[], object], times: int, *, before: Callable[[], object] = gc.collect) -> list[float]:
    spent = []
    for _ in range(times):
        before()
        began = time.process_time()
        function()
        spent.append(time.process_time() - began)
    return spent


def stream(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure the processor time per event of a stream, in microseconds."""
    chat = build(origin, f"text/{size}/0")
    synchronous = _cpu_times(lambda: _count_events(chat.stream(PROMPT)), times + _WARM, before=lambda: _prepare(chat))

    async def time_async() -> list[float]:
        spent = []
        for _ in range(times + _WARM):
            _prepare(chat)
            began = time.process_time()
            await _acount_events(chat.astream(PROMPT))
            spent.append(time.process_time() - began)
        return spent

    asynchronous = asyncio.run(time_async())
    scale = 1e6 / size
    return {
        "sync": statistics.median(synchronous[_WARM:]) * scale,
        "async": statistics.median(asynchronous[_WARM:]) * scale,
    }


def short(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:  # noqa: ARG001 - the signature of all measures
    """Measure a short call: the medians of its wall time and of its processor time, in microseconds."""
    chat = build(origin, "text/1/0")

    def medians(spent: list[tuple[float, float]]) -> Numbers:
        walls, cpus = zip(*spent[_WARM:], strict=True)
        return {"wall": statistics.median(walls) * 1e6, "cpu": statistics.median(cpus) * 1e6}

    def once() -> tuple[float, float]:
        began = time.perf_counter(), time.process_time()
        chat.invoke(PROMPT)
        return time.perf_counter() - began[0], time.process_time() - began[1]

    async def time_async() -> list[tuple[float, float]]:
        spent = []
        for _ in range(times + _WARM):
            began = time.perf_counter(), time.process_time()
            await chat.ainvoke(PROMPT)
            spent.append((time.perf_counter() - began[0], time.process_time() - began[1]))
        return spent

    return {"sync": medians([once() for _ in range(times + _WARM)]), "async": medians(asyncio.run(time_async()))}


def conversation(length: int) -> list[BaseMessage]:
    """Return `length` messages, in turns of four: a question, a tool call, its result, an answer."""
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
    """Measure a call with a history of `size` messages, and with twice as many, in microseconds."""
    chat = build(origin, "text/1/0")
    once, twice = conversation(size), conversation(2 * size)
    shorter, longer = [], []
    for _ in range(times + _WARM):
        shorter += _cpu_times(lambda: chat.invoke(once), 1)
        longer += _cpu_times(lambda: chat.invoke(twice), 1)
    return {
        "once": statistics.median(shorter[_WARM:]) * 1e6,
        "twice": statistics.median(longer[_WARM:]) * 1e6,
    }


def arguments(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure a stream of a tool call with arguments of `size` characters, and of ten times as many, in seconds.

    For the longer one also, in bytes: the growth of the peak of resident memory over the value before, and the growth
    of resident memory from after the first stream to after the last.
    """
    few, many = build(origin, f"arguments/{size}/0"), build(origin, f"arguments/{10 * size}/0")
    shorter = _cpu_times(lambda: _count_events(few.stream(PROMPT)), times + _WARM)
    _count_events(many.stream(PROMPT))
    gc.collect()
    before, peak = resident(), PeakMemory()
    longer = _cpu_times(lambda: _count_events(many.stream(PROMPT)), times)
    grown = peak.measure().growth
    gc.collect()
    return {
        "few": statistics.median(shorter[_WARM:]),
        "many": statistics.median(longer),
        "peak": grown,
        "left": resident() - before,
    }


def concurrent(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure `times` concurrent streams on one event loop, with an event every 20 ms, as a fast model sends them.

    For some contenders that is more than one core can handle. One that falls behind reads the rest of a stream at once,
    without gaps, so that the slowest one shows the fewest gaps.
    """
    return _run_streams(build(origin, f"text/{size}/20"), times)


def sustained(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure the same with an event every 150 ms, which one core can handle for every contender."""
    return _run_streams(build(origin, f"text/{size}/150"), times)


def _run_streams(chat: Chat, times: int) -> Numbers:
    """Run concurrent streams on one event loop; return wall time, processor time and the p99 of gaps, in seconds."""
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
    """Measure the construction of a model in microseconds: models that share a connection, and one connection each.

    Also count the sockets and TLS contexts that `size` models of each opened.
    """
    origin = origin.replace("http://", "https://")
    build(origin, "text/1/0")
    contexts = _count_tls_contexts()
    one = _cpu_times(lambda: [build(origin, "text/1/0") for _ in range(size)], times)
    held: list[list[Chat]] = []
    each = _cpu_times(
        lambda: held.append([build(origin, "text/1/0", api_key=f"sk-{len(held)}-{n}") for n in range(size)]), times
    )
    return {
        "one": statistics.median(one) / size * 1e6,
        "each": statistics.median(each) / size * 1e6,
        "sockets": count_sockets(),
        "contexts": _count_tls_contexts() - contexts,
    }


def _count_tls_contexts() -> int:
    return sum(isinstance(found, ssl.SSLContext) for found in gc.get_objects())


def count_sockets() -> int:
    """Return the number of sockets that this process has open."""
    opened = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            opened += str(descriptor.readlink()).startswith("socket:")
        except OSError:  # the descriptor of the folder itself
            continue
    return opened


def calls(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure the growth of resident memory in bytes from `times` to `size` calls, and the sockets left open."""
    chat = build(origin, "text/1/0")
    for _ in range(times):
        chat.invoke(PROMPT)
    before = _resident_after_gc()
    for _ in range(size - times):
        chat.invoke(PROMPT)
    return {"grown": _resident_after_gc() - before, "sockets": count_sockets(), "tasks": 0}


def interrupted(build: Callable[..., Chat], origin: str, size: int, times: int) -> Numbers:
    """Measure the same for streams of 100 events that are closed after three, every second one asynchronous."""
    chat = build(origin, "text/100/0")

    def one() -> None:
        events = chat.stream(PROMPT)
        for _ in range(3):
            next(events)
        getattr(events, "close")()  # noqa: B009 - typed as an iterator, in fact a generator

    async def aone() -> None:
        events = chat.astream(PROMPT)
        for _ in range(3):
            await anext(events)
        await getattr(events, "aclose")()  # noqa: B009 - as above

    async def run_all() -> Numbers:
        for _ in range(times // 2):
            one()
            await aone()
        before = _resident_after_gc()
        for _ in range((size - times) // 2):
            one()
            await aone()
        # The event loop closes an asynchronous generator inside another one in its next iterations.
        await asyncio.sleep(0.1)
        return {
            "grown": _resident_after_gc() - before,
            "tasks": len(asyncio.all_tasks()) - 1,
            "sockets": count_sockets() - _LOOP_SOCKETS,
        }

    return asyncio.run(run_all())


_LOOP_SOCKETS = 2
"""Sockets of a running event loop: the pair that wakes it."""


def _resident_after_gc() -> int:
    gc.collect()
    return resident()


MEASURES = {
    measure.__name__: measure
    for measure in (stream, short, history, arguments, concurrent, sustained, construct, calls, interrupted)
} | {"responses": stream}


def main(given: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="Measure one contender once.")
    parser.add_argument("measure", choices=MEASURES)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("origin", help="the server's, such as http://127.0.0.1:8000")
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--times", type=int, required=True)
    options = parser.parse_args(given)
    build = CONTENDERS[options.contender].build
    numbers = MEASURES[options.measure](build, options.origin, options.size, options.times)
    sys.stdout.write(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main()
