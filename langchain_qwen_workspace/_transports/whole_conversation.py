"""Sends the whole conversation if the service does not have what a request's ids name."""

import re
from dataclasses import replace

from langchain_qwen_workspace._seam import Request, Transport
from langchain_qwen_workspace._transports._flow import Attempt, Flow, FlowTransport
from langchain_qwen_workspace.data._responses import UNKNOWN_ID
from langchain_qwen_workspace.errors import QwenWorkspaceError

_UNKNOWN_ID = re.compile(UNKNOWN_ID, re.IGNORECASE)


class WholeConversationTransport(FlowTransport):
    """A transport that sends a request once more, with the whole conversation, if an id in it is not known."""

    def __init__(self, transport: Transport) -> None:
        """Take the transport of one workspace."""
        self._transport = transport

    def _flow(self, request: Request) -> Flow:
        try:
            yield Attempt(self._transport, request)
        except QwenWorkspaceError as error:
            is_known = request.whole_conversation is None or not _UNKNOWN_ID.search(error.message)
            whole = None if is_known else with_whole_conversation(request)
            if whole is None:
                raise
            yield Attempt(self._transport, whole)


def with_whole_conversation(request: Request) -> Request | None:
    """Return a request without ids that only one destination knows; `None` if only the caller can write it."""
    if request.whole_conversation is None:
        return request
    body = request.whole_conversation()
    return None if body is None else replace(request, body=body, whole_conversation=None)
