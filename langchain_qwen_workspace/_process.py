"""Resets what belongs to one process in a child that was just forked: locks, calls in flight, slots and counts.

At the moment of a fork another thread of the parent may hold a lock or be about to complete a future. That thread does
not exist in the child, which would wait for ever.
"""

import os
import weakref
from typing import Protocol


class ForkAware(Protocol):
    """An object with state that belongs to one process."""

    def reset_after_fork(self) -> None:
        """Replace that state by a new one. Called in the child only, by its single thread."""


_AWARE: "weakref.WeakValueDictionary[int, ForkAware]" = weakref.WeakValueDictionary()


def register(owner: ForkAware) -> None:
    """Let an object's state be reset in every child that this process forks; the object is referred to weakly."""
    _AWARE[id(owner)] = owner


_FIRST_SEEN_IN: "weakref.WeakKeyDictionary[object, int]" = weakref.WeakKeyDictionary()


def first_seen_in(owned: object) -> int:
    """Return the id of the process in which this was first called for an object; after a fork, the parent's."""
    return _FIRST_SEEN_IN.setdefault(owned, os.getpid())


def process_id() -> int:
    """Return the id of this process, so that an iterator can detect that it is continued in a child."""
    return os.getpid()


def _reset_all() -> None:
    for owner in tuple(_AWARE.values()):
        owner.reset_after_fork()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows does not fork
    os.register_at_fork(after_in_child=_reset_all)
