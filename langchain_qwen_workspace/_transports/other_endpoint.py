"""Sends a call to the protocol's other endpoint if the service says that the first one does not serve the model."""

from dataclasses import replace
from functools import partial
from typing import Any

from langchain_qwen_workspace._seam import Request, Transport
from langchain_qwen_workspace._transports._flow import Attempt, Flow, FlowTransport
from langchain_qwen_workspace.data._errors import OTHER_ENDPOINT_TEXTS
from langchain_qwen_workspace.errors import QwenWorkspaceError

_MOST_REMEMBERED = 1000


class OtherEndpointTransport(FlowTransport):
    """A transport that tries the other endpoint once, and remembers for which models that one answered.

    Which endpoint serves a model is a fact that can age, and a guess for a model that is newer than the catalogue.
    """

    def __init__(self, transport: Transport) -> None:
        """Take the transport of both endpoints."""
        self._transport = transport
        # By model and path: a dict, since adding to it and looking into it needs no lock.
        self._moved: dict[tuple[str, str], None] = {}

    def _flow(self, request: Request) -> Flow:
        key = (request.model, request.path)
        moved = _at_other_endpoint(request) if key in self._moved else None
        try:
            yield Attempt(self._transport, moved or request)
        except QwenWorkspaceError as error:
            other = _at_other_endpoint(request) if moved is None else request
            if other is None or not _is_of_wrong_endpoint(error):
                raise
            remember = partial(self._remember, key, is_moved=moved is None)
            try:
                yield Attempt(self._transport, other, remember)
            except QwenWorkspaceError as second:
                if _is_of_wrong_endpoint(second):
                    raise error  # noqa: B904 - both say the same
                raise

    def _remember(self, key: tuple[str, str], received: Any, *, is_moved: bool) -> Any:
        """Note which endpoint answered, and return the response unchanged."""
        self._moved.pop(key, None)
        if is_moved:
            if len(self._moved) >= _MOST_REMEMBERED:
                self._moved.clear()
            self._moved[key] = None
        return received


def _at_other_endpoint(request: Request) -> Request | None:
    encoded = request.other_endpoint() if request.other_endpoint is not None else None
    return None if encoded is None else replace(request, path=encoded[0], body=encoded[1])


def _is_of_wrong_endpoint(error: QwenWorkspaceError) -> bool:
    message = error.message.lower()
    return any(text in message for text in OTHER_ENDPOINT_TEXTS)
