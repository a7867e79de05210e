"""The error classes: what they inherit from LangChain, what their text says, and that they copy and pickle."""

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core import exceptions as core

import langchain_qwen_workspace as package
from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BillingError,
    ConfigurationError,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    InvalidResponseError,
    MissingApiKeyError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    StructuredOutputError,
    UnsupportedInputError,
)
from langchain_qwen_workspace import errors as module


@dataclass(frozen=True)
class Expected:
    """What `except` clauses of LangChain's users catch, and whether another attempt may help."""

    base: type[Exception]
    is_retryable: bool = False


CLASSES: dict[type[QwenWorkspaceError], Expected] = {
    QwenWorkspaceError: Expected(core.ModelError),
    ConfigurationError: Expected(ValueError),
    InvalidRequestError: Expected(core.ModelInvalidRequestError),
    UnsupportedInputError: Expected(ValueError),
    ContextLengthError: Expected(core.ContextOverflowError),
    ContentFilterError: Expected(core.ModelInvalidRequestError),
    AuthenticationError: Expected(core.ModelAuthenticationError),
    MissingApiKeyError: Expected(core.ModelAuthenticationError),
    PermissionDeniedError: Expected(core.ModelPermissionDeniedError),
    BillingError: Expected(core.ModelPermissionDeniedError),
    NotFoundError: Expected(core.ModelNotFoundError),
    RateLimitError: Expected(core.ModelRateLimitError, is_retryable=True),
    ServerError: Expected(core.ModelAPIError, is_retryable=True),
    InvalidResponseError: Expected(core.ModelAPIError, is_retryable=True),
    StructuredOutputError: Expected(core.OutputParserException),
    APITimeoutError: Expected(core.ModelTimeoutError, is_retryable=True),
    APIConnectionError: Expected(core.ModelConnectionError, is_retryable=True),
    StreamInterruptedError: Expected(core.ModelConnectionError, is_retryable=True),
}
DETAILS: dict[str, Any] = {
    "code": "Any.Code",
    "status_code": 418,
    "request_id": "req-1",
    "model": "qwen-plus",
    "protocol": "openai",
    "region": "ap-southeast-1",
    "workspace_id": "ws-1",
    "hint": "Do something about it.",
}

of_every_class = pytest.mark.parametrize("error_class", CLASSES, ids=lambda error_class: error_class.__name__)


def test_the_table_has_every_class() -> None:
    own = {value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__}

    assert {cls for cls in own if issubclass(cls, Exception)} == set(CLASSES)


@of_every_class
def test_a_class_is_exported_by_the_package(error_class: type[QwenWorkspaceError]) -> None:
    assert getattr(package, error_class.__name__) is error_class


@of_every_class
def test_a_class_inherits_from_langchains(error_class: type[QwenWorkspaceError]) -> None:
    assert issubclass(error_class, QwenWorkspaceError)
    assert issubclass(error_class, CLASSES[error_class].base)


@of_every_class
def test_a_class_says_whether_another_attempt_may_help(error_class: type[QwenWorkspaceError]) -> None:
    assert error_class("x").is_retryable is CLASSES[error_class].is_retryable


@of_every_class
@pytest.mark.parametrize("details", [{}, DETAILS], ids=["bare", "full"])
def test_a_class_pickles_and_copies(error_class: type[QwenWorkspaceError], details: dict[str, Any]) -> None:
    error = error_class("What happened.", **details)
    error.add_note("A note.")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - made here
        assert type(other) is error_class
        assert str(other) == str(error)
        assert {name: getattr(other, name) for name in DETAILS} == {name: details.get(name) for name in DETAILS}
        assert (other.message, other.__notes__) == ("What happened.", ["A note."])
        assert other.args == error.args


@of_every_class
def test_the_text_of_a_bare_error_is_its_message(error_class: type[QwenWorkspaceError]) -> None:
    assert str(error_class("What happened.")) == "What happened."
    assert error_class("What happened.").args[0].startswith("What happened.")


@of_every_class
def test_the_text_has_the_details_and_the_hint(error_class: type[QwenWorkspaceError]) -> None:
    assert str(error_class("What happened.", **DETAILS)) == (
        "What happened. (status: 418, code: Any.Code, model: qwen-plus, protocol: openai, region: ap-southeast-1, "
        "workspace: ws-1, request id: req-1) Do something about it."
    )


@of_every_class
def test_a_bare_error_has_no_pause_and_no_partial_result(error_class: type[QwenWorkspaceError]) -> None:
    error = error_class("What happened.")
    assert (error.retry_after, error.partial_message, error.partial) == (None, None, None)
