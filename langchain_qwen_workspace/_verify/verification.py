"""Joins the parts of a verification: a budget, a recording client, a session and the run of the checks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_qwen_workspace._protocols import DEFAULT_PROTOCOL
from langchain_qwen_workspace._verify.anonymize import Anonymizer
from langchain_qwen_workspace._verify.beliefs import Belief
from langchain_qwen_workspace._verify.budget import Budget
from langchain_qwen_workspace._verify.recorder import Exchange, Recorder, RecordingClient
from langchain_qwen_workspace._verify.run import Run
from langchain_qwen_workspace._verify.session import Session
from langchain_qwen_workspace.workspace import QwenWorkspace

DEFAULT_MODEL = "qwen-flash"
"""The model of beliefs that are not about one: the cheapest that calls tools, in every region with shared prices."""


@contextmanager
def verification(
    workspace: QwenWorkspace,
    beliefs: Sequence[Belief],
    budget: Budget,
    write: Callable[[Exchange], None],
    *,
    model: str = DEFAULT_MODEL,
    admin: object = None,
    timeout: float = 60.0,
    poll_interval: float = 5.0,
    **client_settings: Any,
) -> Iterator[Run]:
    """Return a context manager with the run of a verification; its HTTP client is closed at the end.

    Args:
        workspace: The workspace.
        beliefs: What is checked, in order.
        budget: The budget.
        write: Takes each exchange as soon as it has ended.
        model: The model of beliefs that are not about one.
        admin: The administrator, for the group `administration`.
        timeout: Seconds to wait for a response.
        poll_interval: Seconds between two looks at a batch.
        **client_settings: Settings of the `httpx.Client`.
    """
    recorder = Recorder(budget, write)
    with RecordingClient(recorder, **client_settings) as client:
        yield Run(
            Session(workspace, recorder, client, model, timeout=timeout, poll_interval=poll_interval, admin=admin),
            beliefs,
        )


def anonymizer_for(workspace: QwenWorkspace, *, keep: frozenset[str] = frozenset()) -> Anonymizer:
    """Return an anonymizer that knows the key, the id and the host of a workspace."""
    key = workspace._key_for(DEFAULT_PROTOCOL)  # noqa: SLF001 - a value of this package
    host = workspace.origin.partition("://")[2]
    known = {"API key": [key], "workspace id": [workspace.workspace_id or ""], "host": [host]}
    return Anonymizer(known, keep)
