"""Gives warnings that point at the user's line, not at one of this package or of LangChain."""

import sys
import warnings
from types import FrameType

# Through which a call of a user's comes to this package.
_LIBRARIES = frozenset(
    {
        "asyncio",
        "collections",
        "concurrent",
        "contextlib",
        "deepagents",
        "functools",
        "langchain",
        "langchain_classic",
        "langchain_community",
        "langchain_core",
        "langchain_qwen_workspace",
        "langgraph",
        "pydantic",
        "threading",
    }
)


def warn_user(message: str) -> None:
    """Warn at the line of the user's code that led here.

    In a thread or task of a library, where no such line is on the stack, the warning points at the outermost one.
    """
    frame = outermost = sys._getframe(1)  # noqa: SLF001 - `warnings` does the same
    found: FrameType | None = frame
    while found is not None and _is_of_library(found):
        outermost, found = found, found.f_back
    place = found or outermost
    warnings.warn_explicit(
        message,
        UserWarning,
        place.f_code.co_filename,
        place.f_lineno,
        # Code run by `exec` may have no name, and Python drops a warning without one. `warnings.warn` uses the same.
        module=place.f_globals.get("__name__", "<string>"),
        registry=place.f_globals.setdefault("__warningregistry__", {}),
    )


def _is_of_library(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _LIBRARIES
