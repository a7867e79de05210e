"""Runs the flows of administration, synchronously or asynchronously.

A flow is a generator without I/O, as `auth_flow` of httpx: it yields actions, and is sent the result of each. So each
operation is written once. A flow can be a part of another one (`yield from`).
"""

import asyncio
import inspect
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol, TypeAlias, TypeVar

from langchain_qwen_workspace._transports._retry_policy import RetryPolicy
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    InvalidResponseError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")


class Effect(Enum):
    """What sending a request twice does."""

    NONE = auto()
    """It reads."""

    SAME = auto()
    """It sets a state, which is then set twice."""

    TWICE = auto()
    """It makes something, which is then made twice."""


# All others only read.
_EFFECTS = {
    "CreateWorkspace": Effect.TWICE,
    "CreateApiKey": Effect.TWICE,
    "ResetApiKey": Effect.TWICE,
    "DeleteWorkspace": Effect.SAME,
    "UpdateApiKey": Effect.SAME,
    "DisableApiKey": Effect.SAME,
    "EnableApiKey": Effect.SAME,
    "DeleteApiKey": Effect.SAME,
    "UpdateModelPermissions": Effect.SAME,
    "UpdateModelLimits": Effect.SAME,
}
# Errors after which it is not known whether the service did what it was asked for.
_UNCLEAR = (APIConnectionError, APITimeoutError, ServerError)


class Plane(Protocol):
    """What sends calls to the control plane."""

    def send(self, call: "Call") -> Json:
        """Send a call and return the response's body."""

    async def asend(self, call: "Call") -> Json:
        """Send a call and return the response's body."""


class Action(Protocol):
    """Something that a flow waits for; its result is sent back into the flow."""

    def run(self, plane: Plane) -> Any:
        """Carry the action out, blocking."""

    async def arun(self, plane: Plane) -> Any:
        """Carry the action out, without blocking the event loop."""


Flow: TypeAlias = Generator[Action, Any, T]
"""A flow, and the type of its result."""


@dataclass(frozen=True, slots=True)
class Call:
    """Sends one request to the control plane.

    Attributes:
        operation: The operation's name in the API, such as `ListWorkspaces`.
        fields: Its parameters, by the API's names.
        path_id: The id in its path, of a key or a workspace.
    """

    operation: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    path_id: str | None = None

    @property
    def effect(self) -> Effect:
        """What sending it twice does."""
        return _EFFECTS.get(self.operation, Effect.NONE)

    @property
    def workspace_id(self) -> str | None:
        """The workspace that it is about, as far as the request names it."""
        return self.path_id if self.operation == "DeleteWorkspace" else self.fields.get("workspaceId")

    def run(self, plane: Plane) -> Json:
        """Send the request."""
        return plane.send(self)

    async def arun(self, plane: Plane) -> Json:
        """Send the request."""
        return await plane.asend(self)

    def pause_after(self, error: QwenWorkspaceError, policy: RetryPolicy) -> float | None:
        """Return the seconds after which to send it again, `None` to raise the error.

        What only reads is sent again after whatever may pass, what sets a state after throttling, what makes something
        never.
        """
        if self.effect is Effect.TWICE or (self.effect is Effect.SAME and not isinstance(error, RateLimitError)):
            return None
        return policy.pause_after(error)


@dataclass(frozen=True, slots=True)
class Wait:
    """Waits."""

    seconds: float

    def run(self, plane: Plane) -> None:  # noqa: ARG002 - one signature for every action
        """Wait, blocking."""
        time.sleep(self.seconds)

    async def arun(self, plane: Plane) -> None:  # noqa: ARG002 - same
        """Wait, without blocking the event loop."""
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True, slots=True, repr=False)
class Deliver:
    """Calls a function of the user with a value; its text does not show the value."""

    callback: Callable[[Any], Any]
    value: Any

    def run(self, plane: Plane) -> None:  # noqa: ARG002 - same
        """Call the function.

        Raises:
            ConfigurationError: It has to be awaited.
        """
        result = self.callback(self.value)
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            raise ConfigurationError(
                "The function that receives the new key is an `async def`, which a synchronous call cannot await. "
                "Call the asynchronous method, or pass a function that is not async."
            )

    async def arun(self, plane: Plane) -> None:  # noqa: ARG002 - same
        """Call the function, and await it if it is an `async def`."""
        result = self.callback(self.value)
        if inspect.isawaitable(result):
            await result


def send(operation: str, path_id: str | None = None, **fields: Any) -> Flow[Json]:
    """Send a request with those of the fields that are not `None`, and return the response's body."""
    body: Json = yield Call(operation, {name: value for name, value in fields.items() if value is not None}, path_id)
    return body


def run(flow: Flow[T], plane: Plane, max_retries: int) -> T:
    """Run a flow, and return its result."""
    actions = _with_retries(flow, max_retries)
    with closing(actions):
        try:
            action = next(actions)
            while True:
                try:
                    result = action.run(plane)
                except Exception as error:  # noqa: BLE001 - the flow decides
                    action = actions.throw(error)
                else:
                    # The value of a key is not kept in a variable, which a traceback may show.
                    action, result = actions.send(result), None
        except StopIteration as ended:
            value: T = ended.value
            return value


async def arun(flow: Flow[T], plane: Plane, max_retries: int) -> T:
    """Run a flow, and return its result."""
    actions = _with_retries(flow, max_retries)
    with closing(actions):
        try:
            action = next(actions)
            while True:
                try:
                    result = await action.arun(plane)
                except Exception as error:  # noqa: BLE001 - same
                    action = actions.throw(error)
                else:
                    # The value of a key is not kept in a variable, which a traceback may show.
                    action, result = actions.send(result), None
        except StopIteration as ended:
            value: T = ended.value
            return value


def _with_retries(flow: Flow[T], max_retries: int) -> Flow[T]:
    """Return a flow whose calls are sent again as far as that is safe."""
    with closing(flow):
        try:
            action = next(flow)
            while True:
                try:
                    result = yield from _attempts(action, max_retries)
                except Exception as error:  # noqa: BLE001 - same
                    action = flow.throw(error)
                else:
                    action, result = flow.send(result), None
        except StopIteration as ended:
            value: T = ended.value
            return value


def _attempts(action: Action, max_retries: int) -> Flow[Any]:
    if not isinstance(action, Call):
        return (yield action)
    policy = RetryPolicy(max_retries)
    while True:
        try:
            return (yield action)
        except QwenWorkspaceError as error:
            pause = action.pause_after(error, policy)
            if pause is None:
                _tell_what_is_unclear(action, error)
                raise
        yield Wait(pause)


def _tell_what_is_unclear(call: Call, error: QwenWorkspaceError) -> None:
    if call.effect is not Effect.NONE and isinstance(error, _UNCLEAR):
        unclear = f"It is not known whether the service carried out {call.operation}: check that before you try again."
        error.hint = f"{error.hint} {unclear}" if error.hint else unclear


def invalid_response(operation: str, expected: str, body: object) -> InvalidResponseError:
    """Return the error for a response that lacks what the API's documentation promises."""
    request_id = body.get("requestId") if isinstance(body, dict) else None
    return InvalidResponseError(
        f"The response of {operation} cannot be read: expected {expected}.",
        request_id=request_id,
        hint="If it happens again, contact Alibaba Cloud's support with the request id.",
    )
