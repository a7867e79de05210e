"""Sends a failed request again, as the retry policy says."""

import asyncio
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_qwen_workspace._redaction import mask_secrets, redact_error
from langchain_qwen_workspace._seam import Json, Request, Transport
from langchain_qwen_workspace._transports._attempt_log import AttemptLog
from langchain_qwen_workspace._transports._flow import Attempt, Flow, FlowTransport, run_flow
from langchain_qwen_workspace._transports._retry_policy import RetryPolicy
from langchain_qwen_workspace._transports._time_limit import seconds_left
from langchain_qwen_workspace._transports.connection import Connection
from langchain_qwen_workspace.errors import QwenWorkspaceError

_NO_TIME = " It was not sent again: the pause before that, {:.1f} seconds, would exceed `total_timeout`."


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
    """A transport that sends a request again when it failed and may succeed later. No error of it shows a key."""

    def __init__(self, transport: Transport, connection: Connection) -> None:
        """Take the transport, and the connection, which says how often a request is sent again."""
        self._transport = transport
        self._connection = connection

    def _flow(self, request: Request) -> Flow:
        return self._attempts(request, self._connection.max_retries)

    def _attempts(self, request: Request, max_retries: int) -> Flow:
        outside, policy = sys.exception(), RetryPolicy(max_retries)
        attempt = 0
        while True:
            attempt += 1
            log = AttemptLog(request, self._connection.base_url, attempt)
            try:
                yield Attempt(self._transport, request, partial(self._accept, request, log))
            except GeneratorExit:
                log.end()
                raise
            except QwenWorkspaceError as error:
                redact_error(error, self._connection.secrets_of(request), outside)
                log.fail(error)
                if (pause := policy.pause_after(error)) is None:
                    raise
                if pause >= seconds_left():
                    error.message += _NO_TIME.format(pause)
                    raise
                yield _Wait(pause)

    def _accept(self, request: Request, log: AttemptLog, received: Any) -> Any:
        """Return a response, or the first event of a stream, without a key in its request id."""
        given = received.get("request_id") if isinstance(received, dict) else None
        if isinstance(given, str):
            received["request_id"] = given = mask_secrets(given, self._connection.secrets_of(request))
        log.answer(given)
        return received

    def send_once(self, request: Request) -> Json:
        """Send a request that must not be carried out twice, so not again after a failure either."""
        return run_flow(self._attempts(request, 0), lambda transport, sent: transport.send(sent))
