"""The clients of many hosts: one each, lent for a request, closed when they are idle or too many."""

import pytest

from langchain_qwen_workspace._lending import Lent
from langchain_qwen_workspace._transports._client_per_host import ClientPerHost

IDLE_SECONDS = 5.0


class Clock:
    """The time, which a test sets."""

    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(f"{ClientPerHost.__module__}.time.monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def per_host(clock: Clock) -> ClientPerHost[object]:
    del clock
    return ClientPerHost(object, max_hosts=3, idle_seconds=IDLE_SECONDS)


def use(per_host: ClientPerHost[object], host: str) -> tuple[object, list[object]]:
    """Return a host's client after one request, and the clients to close."""
    lent, expired = per_host.borrow(host)
    per_host.give_back(lent)
    return lent.value, expired


def test_a_host_keeps_its_client(per_host: ClientPerHost[object]) -> None:
    assert use(per_host, "a")[0] is use(per_host, "a")[0]


def test_two_hosts_have_two_clients(per_host: ClientPerHost[object]) -> None:
    assert use(per_host, "a")[0] is not use(per_host, "b")[0]


def test_the_least_recently_used_client_is_closed_when_there_are_too_many(per_host: ClientPerHost[object]) -> None:
    client, _ = use(per_host, "a")
    assert [use(per_host, host)[1] for host in "bcd"] == [[], [], [client]]


def test_an_idle_client_is_closed_at_another_hosts_request(per_host: ClientPerHost[object], clock: Clock) -> None:
    client, _ = use(per_host, "a")
    clock.now += IDLE_SECONDS + 1
    assert use(per_host, "b")[1] == [client]


def test_a_host_asked_again_after_a_pause_keeps_its_client(per_host: ClientPerHost[object], clock: Clock) -> None:
    client, _ = use(per_host, "a")
    clock.now += IDLE_SECONDS + 1
    assert use(per_host, "a") == (client, [])


def test_a_client_in_use_is_not_closed(per_host: ClientPerHost[object], clock: Clock) -> None:
    lent, _ = per_host.borrow("a")
    clock.now += IDLE_SECONDS + 1
    expired = [client for host in "bcdefgh" for client in use(per_host, host)[1]]
    assert lent.value not in expired


def test_the_idle_time_begins_when_a_client_is_given_back(per_host: ClientPerHost[object], clock: Clock) -> None:
    lent, _ = per_host.borrow("a")
    clock.now += IDLE_SECONDS + 1
    per_host.give_back(lent)
    assert use(per_host, "b")[1] == []


def test_thousands_of_hosts_leave_no_more_clients_than_allowed(per_host: ClientPerHost[object]) -> None:
    lent = [per_host.borrow(str(number))[0] for number in range(1000)]
    for one in lent:
        per_host.give_back(one)
    for number in range(1000):
        use(per_host, str(number % 3))
    assert len(per_host.values()) == 3


def test_a_lock_held_at_a_fork_is_replaced(per_host: ClientPerHost[object]) -> None:
    per_host._lock.acquire()
    per_host.renew_lock()
    use(per_host, "a")


def test_a_client_is_given_back_while_another_one_is_built(clock: Clock) -> None:
    """A garbage collection may close a stream at any moment, also in the thread that has the lock."""
    del clock
    streams: list[Lent[object]] = []

    def build() -> object:
        while streams:
            clients.give_back(streams.pop())
        return object()

    clients = ClientPerHost(build, max_hosts=1, idle_seconds=IDLE_SECONDS)
    lent, _ = clients.borrow("a")
    streams.append(lent)
    assert use(clients, "b")[1] == [lent.value]
