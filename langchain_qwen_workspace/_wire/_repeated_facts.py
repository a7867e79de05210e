"""Merges what the events of a stream repeat, add to, or leave out again: search results, runs of tools, annotations."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from langchain_qwen_workspace._seam import Json


class SeenItems:
    """The items of a list that earlier events had."""

    def __init__(self) -> None:
        """Start without items."""
        self._seen: set[str] = set()

    def unseen(self, items: Sequence[Any]) -> list[Any]:
        """Return the items that are new, each of them once."""
        new = []
        for item in items:
            written = json.dumps(item, sort_keys=True)
            if written not in self._seen:
                self._seen.add(written)
                new.append(item)
        return new


class StreamFacts:
    """Collects the facts of a stream; a later event never hides a fact of an earlier one.

    Attributes:
        merged: The facts so far.
    """

    def __init__(self) -> None:
        """Start without facts."""
        self.merged: Json = {}
        self._seen: defaultdict[tuple[str, ...], SeenItems] = defaultdict(SeenItems)

    def add(self, facts: Json) -> None:
        """Merge the facts of one event: objects by key and lists by item; of other values the last one counts."""
        merged = self.merged
        for name, value in facts.items():
            if name not in merged or merged[name] != value:
                merged[name] = self._merge((name,), merged.get(name), value)

    def _merge(self, path: tuple[str, ...], earlier: Any, later: Any) -> Any:
        if isinstance(later, dict):
            before = earlier if isinstance(earlier, dict) else {}
            new = {
                key: self._merge((*path, key), before.get(key), value)
                for key, value in later.items()
                if value or key not in before
            }
            return {**before, **new}
        if isinstance(later, list):
            unseen = self._seen[path].unseen(later)
            return earlier + unseen if isinstance(earlier, list) and not _repeats(earlier, later) else later
        return later


def _repeats(earlier: list[Any], later: list[Any]) -> bool:
    """Return whether a list repeats an earlier one. It may have more items, and the last one may have grown."""
    last = len(earlier) - 1
    return not earlier or (len(later) > last and earlier[:last] == later[:last] and _grows(earlier[last], later[last]))


def _grows(item: Any, later: Any) -> bool:
    """Return whether an item is an earlier state of another one: the code of a tool arrives over several events.

    Only the texts of an object within the item grow. Two search results are two, even if one's URL begins the other's.
    """
    if not (isinstance(item, dict) and isinstance(later, dict)):
        return bool(item == later)
    return all(value == later.get(key) or _is_begun(value, later.get(key)) for key, value in item.items())


def _is_begun(value: Any, later: Any) -> bool:
    if not (isinstance(value, dict) and isinstance(later, dict)):
        return False
    return all(str(later.get(key)).startswith(str(inner)) for key, inner in value.items())
