"""Calls the next workspace when one does not answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from langchain_qwen_workspace._seam import SERVED_BY, Destination, Json, Request, Transport
from langchain_qwen_workspace._transports._flow import Attempt, Flow, FlowTransport
from langchain_qwen_workspace._transports.whole_conversation import with_whole_conversation
from langchain_qwen_workspace.errors import QwenWorkspaceError


@dataclass(frozen=True, slots=True)
class FailoverTarget:
    """One workspace's transport.

    Attributes:
        transport: The transport.
        destination: The protocol, region and workspace behind it.
    """

    transport: Transport
    destination: Destination


class FailoverTransport(FlowTransport):
    """Calls one target after the other until one responds; the response names the target's destination.

    If all fail, the error is that of the last target, and its notes name the errors of the targets before it. A request
    with the id of a conversation that the first target keeps goes to the others with the whole conversation; without
    one, only the first target is called.
    """

    def __init__(self, targets: Sequence[FailoverTarget], on: tuple[type[QwenWorkspaceError], ...]) -> None:
        """Take the targets in their order, and the errors after which the next one is called."""
        self._targets = tuple(targets)
        self._on = on

    def _flow(self, request: Request) -> Flow:
        # As text: an error refers to this frame by its traceback.
        notes: list[str] = []
        for target in self._targets:  # pragma: no branch - the error of the last target is raised
            mark: Callable[[Json], Json] = partial(_set_served_by, target.destination)
            try:
                yield Attempt(target.transport, replace(request, destination=target.destination), mark)
            except QwenWorkspaceError as error:
                for note in notes:
                    error.add_note(note)
                elsewhere = with_whole_conversation(request)
                if target is self._targets[-1] or not isinstance(error, self._on) or elsewhere is None:
                    raise
                request = elsewhere
                notes.append(f"Another workspace failed before: {type(error).__name__}: {error}")


def _set_served_by(destination: Destination, received: Json) -> Json:
    return {**received, SERVED_BY: destination}
