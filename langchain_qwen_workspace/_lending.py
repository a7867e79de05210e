"""Lends one value per key, and removes values that nobody uses, a few at each use."""

import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True, eq=False)
class Lent(Generic[Value]):
    """The value of a key.

    Attributes:
        value: The value.
        borrowers: An item for each use that has not ended. A deque, since its methods need no lock.
        idle_since: When the last use ended, on the monotonic clock.
    """

    value: Value
    borrowers: deque[None] = field(default_factory=deque)
    idle_since: float = 0.0


class Lender(ABC, Generic[Key, Value]):
    """Builds a value at the first use of its key, and keeps it while it is in use.

    The end of a use takes no lock: a garbage collection may end it at any moment, by closing a stream, also in the
    thread that has the lock.
    """

    def __init__(self, build: Callable[[], Value]) -> None:
        """Take the function that builds a value."""
        self._build = build
        self._lock = threading.Lock()
        # Values move to the end when they are lent.
        self._by_key: OrderedDict[Key, Lent[Value]] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._by_key)

    def __iter__(self) -> Iterator[Key]:
        """Iterate over the keys."""
        return iter(tuple(self._by_key))

    def get(self, key: Key) -> Value | None:
        """Return the value of a key without lending it, `None` if there is none."""
        lent = self._by_key.get(key)
        return None if lent is None else lent.value

    def values(self) -> list[Value]:
        """Return the value of every key."""
        return [lent.value for lent in tuple(self._by_key.values())]

    def borrow(self, key: Key) -> tuple[Lent[Value], list[Value]]:
        """Return the value of a key, to be given back, and the values that were removed."""
        with self._lock:
            if (lent := self._by_key.get(key)) is None:
                lent = self._by_key[key] = Lent(self._build())
            else:
                self._by_key.move_to_end(key)
            lent.borrowers.append(None)
            return lent, self._remove_unused()

    def give_back(self, lent: Lent[Value]) -> None:
        """End one use of a value."""
        lent.idle_since = time.monotonic()
        lent.borrowers.pop()

    def renew_lock(self) -> None:
        """Replace the lock in a child process; a thread that the child does not have may hold the old one."""
        self._lock = threading.Lock()

    def _is_needed(self, lent: Lent[Value]) -> bool:
        """Return whether a value must be kept, so that the one after it is looked at next."""
        return bool(lent.borrowers)

    @abstractmethod
    def _may_remove(self, lent: Lent[Value]) -> bool:
        """Return whether a value that is not needed may be removed, and if not, none after it either."""

    def _remove_unused(self) -> list[Value]:
        removed = []
        # Two for each use: values go faster than they come, and no use pays for removing many.
        for _ in range(2):
            key, oldest = next(iter(self._by_key.items()))
            if self._is_needed(oldest):
                self._by_key.move_to_end(key)
            elif self._may_remove(oldest):
                removed.append(self._by_key.pop(key).value)
        return removed
