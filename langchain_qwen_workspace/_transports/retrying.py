"""Sends a failed request again, as the retry policy says."""

import asyncio
import time
from dataclasses import dataclass

from langchain_qwen_workspace._seam import Json, Request, Transport
from langchain_qwen_workspace._transports._flow import Attempt, Flow, FlowTransport
from langchain_qwen_workspace._transports._retry_policy import RetryPolicy
from langchain_qwen_workspace.errors import QwenWorkspaceError


@dataclass(frozen=True, slots=True)
class _Wait:
    seconds: float

    def run(self) -> None:
        """Sleep."""
        time.sleep(self.seconds)

    async def arun(self) -> None:
        """Sleep, without blocking the event loop."""
        await asyncio.sleep(self.seconds)


class RetryingTransport(FlowTransport):
    """A transport that sends a request again when it failed and may succeed later."""

    def __init__(self, transport: Transport, max_retries: int) -> None:
        """Take the transport, and how often a request is sent again."""
        self._transport = transport
        self._max_retries = max_retries

    def _flow(self, request: Request) -> Flow:
        policy = RetryPolicy(self._max_retries)
        while True:
            try:
                yield Attempt(self._transport, request)
            except QwenWorkspaceError as error:
                if (pause := policy.pause_after(error)) is None:
                    raise
                yield _Wait(pause)

    def send_once(self, request: Request) -> Json:
        """Send a request that must not be carried out twice, so not again after a failure either."""
        return self._transport.send(request)
