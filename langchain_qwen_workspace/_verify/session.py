"""Sends the requests of checks, through the transports that the package uses, and returns what was exchanged."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages

from langchain_qwen_workspace._protocols import chat_wire, transport_for
from langchain_qwen_workspace._seam import ChatCall, Request
from langchain_qwen_workspace._verify.beliefs import Belief, Call, value_at
from langchain_qwen_workspace._verify.budget import BudgetError
from langchain_qwen_workspace._verify.recorder import Exchange, Recorder, RecordingClient
from langchain_qwen_workspace.errors import APIConnectionError, QwenWorkspaceError
from langchain_qwen_workspace.profiles import profile_of
from langchain_qwen_workspace.workspace import QwenWorkspace

MAX_TOKENS = 48
"""The `max_tokens` of requests that state no other; enough for a tool call or an object of two fields."""

_THINKING_CAN_BE_SWITCHED_OFF = frozenset({"on", "off"})
# What says that the key, the model or the moment is the reason, rather than the request.
_NO_ACCESS = {401: "refuses the key", 403: "denies access", 404: "does not know the model or the route"}
_TEMPORARY = {429: "throttles the key"}
_FIRST_SERVER_ERROR = 500
_PERMISSIONS = Call(
    protocol="dashscope",
    method="GET",
    path="/models/permissions",
    query={"authorization_scope": "AUTHORIZED", "action": "INFERENCE", "page_no": 1, "page_size": 200},
)


class CannotKnow(Exception):  # noqa: N818 - it is a verdict, not an error
    """This key, or this moment, cannot tell whether a belief is right."""


class NoConnection(CannotKnow):
    """No response came."""


class KeyRefused(CannotKnow):
    """The service does not accept the key at all."""


@dataclass
class Session:
    """One verification's connection to a workspace.

    Attributes:
        workspace: The workspace.
        recorder: Records the exchanges, within the budget.
        client: The recorder's client.
        model: The model of calls that name none.
        timeout: Seconds to wait for a response.
        poll_interval: Seconds between two looks at a batch.
        admin: The administrator of the workspaces, if there is one.
    """

    workspace: QwenWorkspace
    recorder: Recorder
    client: RecordingClient
    model: str
    timeout: float = 60.0
    poll_interval: float = 5.0
    admin: object = None

    def send(self, belief: Belief, *, access_decides: bool | None = None, **changes: Any) -> Exchange:
        """Send a belief's request, with changes to its call, and return the exchange.

        Args:
            belief: The belief.
            access_decides: Whether a refusal for lack of rights is a result; by default as the belief says.
            **changes: Fields of the call that differ.

        Raises:
            CannotKnow: The response says nothing about the belief.
            BudgetError: The request was not sent.
        """
        call = belief.call.model_copy(update=changes)
        exchange = self.exchange(call)
        decides = belief.expected.decides_access if access_decides is None else access_decides
        if not decides and exchange.status not in belief.expected.status:
            raise_if_unknowable(exchange)
        return exchange

    def exchange(self, call: Call, *, workspace: QwenWorkspace | None = None) -> Exchange:
        """Send a call and return the exchange, whatever the response is.

        Raises:
            NoConnection: No response came.
            BudgetError: The request was not sent.
        """
        self.recorder.begin_call()
        workspace = self.workspace if workspace is None else workspace
        connection = workspace._connection(  # noqa: SLF001 - a value of this package
            call.protocol,
            call.service,
            timeout=self.timeout,
            max_retries=0,  # nothing is sent twice
            http_client=self.client,
            headers=tuple(call.headers.items()),
        )
        transport = transport_for(call.protocol, connection, call.service)
        request = self.request(call)
        try:
            if request.stream:
                for _ in transport.stream(request):
                    pass
            else:
                transport.send(request)
        except QwenWorkspaceError as error:
            if self.recorder.refusal is not None:
                raise self.recorder.refusal from None
            if not self.recorder.last.is_complete:
                cause = error if isinstance(error, APIConnectionError) else type(error).__name__
                raise NoConnection(f"No whole response came: {cause}") from None
        if self.recorder.failure is not None:
            raise self.recorder.failure
        return self.recorder.last

    def request(self, call: Call) -> Request:
        """Return the request of a call: a conversation as its protocol's wire encodes it, anything else as it is."""
        destination = self.workspace._destination(call.protocol)  # noqa: SLF001 - a value of this package
        model = call.model or self.model
        if call.messages is None:
            body: dict[str, Any] = dict(call.body)
            return Request(
                path=call.path,
                body=body,
                model=str(body.get("model") or ""),
                destination=destination,
                stream=call.stream,
                method=call.method,
                query=call.query,
            )
        profile = profile_of(model)
        messages: list[BaseMessage] = convert_to_messages([dict(message) for message in call.messages])
        limits: dict[str, Any] = {} if "max_completion_tokens" in call.parameters else {"max_tokens": MAX_TOKENS}
        if profile.thinking in _THINKING_CAN_BE_SWITCHED_OFF:
            limits["enable_thinking"] = False
        chat_call = ChatCall(
            model=model,
            messages=messages,
            parameters=limits,
            stream=call.stream,
            profile=profile,
            destination=destination,
            reserves_tool_names=False,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            request = chat_wire(call.protocol).encode(chat_call)
        body = dict(request.body)
        # The parameters are sent as they are, also those that the package would refuse.
        if isinstance(body.get("parameters"), Mapping):
            body["parameters"] = _merge(request.body["parameters"], call.parameters)
        else:
            body = _merge(body, call.parameters)
        return replace(request, body=body, other_endpoint=None)

    def has_price(self, model: str) -> bool:
        """Return whether the cost of a small request to a model is known."""
        try:
            self.recorder.budget.worst_case({"model": model, "max_completion_tokens": 1})
        except BudgetError:
            return False
        return True

    @cached_property
    def permitted_models(self) -> frozenset[str]:
        """The models that the key may call.

        Raises:
            CannotKnow: The service does not say.
        """
        exchange = self.exchange(_PERMISSIONS)
        try:
            rows = value_at(exchange.body, "output.permissions")
            return frozenset(row["model"] for row in rows if row["permissions"]["inference"])
        except (LookupError, TypeError):
            raise CannotKnow(
                f"The list of permitted models cannot be read (HTTP {exchange.status}), so no model is known that "
                "this key may not call."
            ) from None


def _merge(given: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with changes; one that is `None` is left out."""
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def raise_if_unknowable(exchange: Exchange) -> None:
    """Raise if a response says that the key, the model or the moment is the reason for a refusal.

    Raises:
        KeyRefused: The key is not accepted.
        CannotKnow: Something else is the reason.
    """
    status = exchange.status
    reason = _NO_ACCESS.get(status) or _TEMPORARY.get(status)
    if reason is None and status >= _FIRST_SERVER_ERROR:
        reason = "failed"
    if reason is not None:
        kind = KeyRefused if status == 401 else CannotKnow  # noqa: PLR2004 - HTTP's own number
        raise kind(f"The service {reason}: {describe(exchange)}")


def describe(exchange: Exchange) -> str:
    """Return a response in a line: its status, and the beginning of its body."""
    text = " ".join(exchange.text.split())
    return f"HTTP {exchange.status} {text[:300]}{'…' if len(text) > 300 else ''}"  # noqa: PLR2004 - a line
