"""The shape of a row of the service's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from langchain_qwen_workspace import errors


class ErrorRow(NamedTuple):
    """One kind of failure.

    Attributes:
        error_class: The class of the error.
        hint: What to do. It may name `{model}`, `{region}`, `{workspace}` ("workspace ws-1") and `{workspace_id}`.
        codes: Error codes of every protocol, in lower case. A dotted code without a row takes the row of its longest
            prefix.
        texts: Parts of messages that say more than the code beside them, or that come without a code; the case of
            letters does not matter. No known message matches two rows.
        patterns: Regular expressions that do the same for a whole report, `<status> <code>: <message>`, for kinds of
            messages whose words differ. Those of the first row that matches count.
        statuses: HTTP statuses that mean this where neither text nor code is known.
        is_about_model: Whether the name of the model may be wrong; the hint then ends with the one that was probably
            meant.
        types: Names of kinds of errors, in lower case, that mean this where no text, code or status is known.
    """

    error_class: type[errors.QwenWorkspaceError]
    hint: str
    codes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    types: tuple[str, ...] = ()
    is_about_model: bool = False
