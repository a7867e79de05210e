"""One report of the service and the error that it becomes, and how the tables of them are written."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace import InvalidRequestError, QwenWorkspaceError
from tests.support.protocols import ProtocolStub

UNKNOWN = "Never heard of."
"""Stands for a message that says nothing."""


@dataclass(frozen=True)
class Case:
    """One report of the service and what it means.

    Attributes:
        status: The HTTP status.
        code: The error code of the DashScope protocol.
        openai_code: That of the OpenAI-compatible one.
        message: The service's message.
        type_: The `type` of the OpenAI-compatible error object, if it is another than the code.
        error_class: The class of the error.
        hints: What its hint contains.
    """

    status: int
    code: str | None
    openai_code: str | None
    message: str
    type_: str | None
    error_class: type[QwenWorkspaceError]
    hints: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.status} {self.code or 'no code'} {self.message[:40]}"

    def code_on(self, stub: ProtocolStub) -> str | None:
        return self.code if stub.is_dashscope else self.openai_code

    def body(self, stub: ProtocolStub) -> dict[str, Any]:
        return stub.error_body(self.code_on(stub), self.message, self.type_)


def cases(error_class: type[QwenWorkspaceError], hints: tuple[str, ...], *reports: tuple[Any, ...]) -> Iterator[Case]:
    """Yield cases of one error; a code that the protocols spell differently is a pair: DashScope's, then OpenAI's."""
    for status, code, message, *type_ in reports:
        dashscope, openai = code if isinstance(code, tuple) else (code, code)
        yield Case(status, dashscope, openai, message, type_[0] if type_ else None, error_class, hints)


def request_error_cases(hint: str | tuple[str, ...], *reports: tuple[Any, ...]) -> Iterator[Case]:
    return cases(InvalidRequestError, (hint,) if isinstance(hint, str) else hint, *reports)


INVALID = ("InvalidParameter", "invalid_parameter_error")
ALGO = ("InternalError.Algo.InvalidParameter", "invalid_parameter_error")
ALGO_500 = ("InternalError.Algo", "internal_error")
NO_THINKING = "InvalidParameter.NotSupportEnableThinking"
QUOTA = ("Throttling.AllocationQuota", "insufficient_quota")
