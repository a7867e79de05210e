"""Assembles the tool calls of a stream from fragments, whatever servers do with indexes, ids and names."""

from collections.abc import Mapping, Sequence

from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._arguments import (
    arguments_text,
    invalidating_suffix,
    is_prefix_of_empty,
    parse_arguments,
)
from langchain_qwen_workspace._wire._messages import make_call_id
from langchain_qwen_workspace._wire._surrogates import SurrogateJoiner, repair_identity


class ToolCallStream:
    """The tool calls of one stream.

    A call is known by its id. Where fragments have none, it is known by the server's `index` and its name, and where
    the index is new and there is no name, the fragment continues the last call: servers give two calls one index, or
    change the index of a call.
    """

    def __init__(self, tool_names: Mapping[str, str]) -> None:
        """Start without calls.

        Args:
            tool_names: The tools' own names by the names that were sent instead.
        """
        self._tool_names = tool_names
        self._calls: dict[int, _Call] = {}
        self._by_server_index: dict[int, int] = {}

    def add(self, fragments: Sequence[Json]) -> list[ToolCallChunk]:
        """Return what the fragments of one event add, one chunk for each call."""
        chunks: dict[int, ToolCallChunk] = {}
        for position, fragment in enumerate(fragments):
            fragment = repair_identity(fragment)  # noqa: PLW2901 - nobody may use the other one
            index = self._index_of(fragment, position)
            chunk = self._calls.setdefault(index, _Call()).add(fragment, index)
            chunk["name"] = self._tool_names.get(chunk["name"] or "", chunk["name"])
            if before := chunks.get(index):
                # LangChain merges the fragments of different chunks only, not those within one.
                chunk = tool_call_chunk(
                    name=before["name"] or chunk["name"],
                    args=f"{before['args']}{chunk['args']}",
                    id=before["id"] or chunk["id"],
                    index=index,
                )
            chunks[index] = chunk
        return list(chunks.values())

    def finish(self, request_id: str | None) -> list[ToolCallChunk]:
        """Return what the calls lack after their last fragments: ids, and what keeps invalid calls invalid."""
        return [
            chunk
            for index, call in self._calls.items()
            if (chunk := call.finish(index, make_call_id(request_id, index))) is not None
        ]

    def _index_of(self, fragment: Json, position: int) -> int:
        """Return the index of a fragment's call among all calls of the stream."""
        function = fragment.get("function") or {}
        id_, name = fragment.get("id"), function.get("name")
        same_id = next((index for index, call in self._calls.items() if id_ and call.id == id_), None)
        given = fragment.get("index")
        if isinstance(given, bool) or not isinstance(given, int):
            if same_id is not None:
                return same_id
            # Without an index (documentation of 2024) a new id starts a new call.
            last = max(self._calls, default=-1)
            if id_ or last < 0 or self._calls[last].is_other(name, function.get("arguments")):
                return last + 1
            return max(last, position)
        known = self._by_server_index.get(given)
        if known is None and self._calls and not name:
            known = same_id if id_ else next(reversed(self._calls))
        elif known is not None and id_ and self._calls[known].id not in {None, id_}:
            # Another id is another call, unless a server makes a new id for each fragment: those have no name.
            known = same_id if same_id is not None else None if name else known
        elif known is not None and not id_ and self._calls[known].is_other(name, function.get("arguments")):
            known = None
        if known is None:
            known = given if given not in self._calls else max(self._calls) + 1
        self._by_server_index[given] = known
        return known


class _Call:
    """What earlier chunks had of one tool call."""

    __slots__ = ("_held", "_joiner", "_length", "arguments", "id", "name")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name: str | None = None
        self.arguments: list[str] = []
        self._held = ""
        self._length = 0
        self._joiner = SurrogateJoiner()

    def is_other(self, name: str | None, arguments: object) -> bool:
        """Return whether a fragment without an id begins another call: it has another name, or this call is whole."""
        if not name or self.name is None:
            return False
        return name != self.name or (bool(arguments) and self._is_whole())

    def _is_whole(self) -> bool:
        # Joined only if the arguments may end here, with an object or `null`: there may be thousands of fragments.
        last = next((stripped for text in reversed(self.arguments) if (stripped := text.rstrip())), "")
        return last[-1:] in {"}", "l", ""} and parse_arguments("", "".join(self.arguments) or "{")[1] is None

    def add(self, fragment: Json, index: int) -> ToolCallChunk:
        """Return what a fragment adds: after the first, ids and names are empty, `null` or repeated (recordings)."""
        function = fragment.get("function") or {}
        id_ = None if self.id else fragment.get("id") or None
        name = None if self.name else function.get("name") or None
        arguments = self._joiner.add(arguments_text(function.get("arguments")))
        self.id = self.id or id_
        self.name = self.name or name
        self.arguments.append(arguments)
        self._length += len(arguments)
        # Blanks and `null` stand for no arguments, which LangChain does not know: they are held back until more comes.
        text, self._held = self._held + arguments, ""
        if text and len(text) == self._length and is_prefix_of_empty(text):
            text, self._held = "", text
        return tool_call_chunk(name=name, args=text, id=id_, index=index)

    def finish(self, index: int, id_: str) -> ToolCallChunk | None:
        """Return what the call lacks after its last fragment."""
        half = self._joiner.finish()
        arguments = "".join(self.arguments) + half
        if self.name is None:
            # LangChain would take a call without a name for a valid one.
            suffix = self._held + half + (invalidating_suffix(arguments) or "}")
        else:
            is_invalid = parse_arguments("", arguments)[0] is None
            suffix = self._held + half + invalidating_suffix(arguments) if is_invalid else ""
        if self.id and not suffix:
            return None
        return tool_call_chunk(args=suffix, id=None if self.id else id_, index=index)
