"""A signed request of an administrator, and how its parameters are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox._admin.refusals import invalid_parameter
from langchain_qwen_workspace.sandbox._admin.signature import SandboxAccessKey
from langchain_qwen_workspace.sandbox._json import read_json

# The SDK writes Python's words for booleans (recorded 2026-11-29).
_BOOLEANS = {"true": True, "false": False}
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AdminRequest:
    """A request of the control plane.

    Attributes:
        action: The operation.
        object_id: The id in the path, empty if the operation has none.
        parameters: The parameters of the query and of the form.
        host: The host and port that the request was sent to.
        access_key: The AccessKey that signed it.
    """

    action: str
    object_id: str
    parameters: Mapping[str, str]
    host: str
    access_key: SandboxAccessKey

    def text(self, name: str) -> str | None:
        """Return a parameter; None if it is missing or empty."""
        return self.parameters.get(name) or None

    def require(self, name: str) -> str:
        """Return a parameter.

        Raises:
            OperationRefusal: If it is missing or empty.
        """
        value = self.text(name)
        if value is None:
            raise invalid_parameter(name, f"{name} is required.")
        return value

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Return a parameter that has one of several values; the first one is the default.

        Raises:
            OperationRefusal: If it has another value.
        """
        value = self.text(name) or choices[0]
        if value not in choices:
            raise invalid_parameter(name, f"{name} should be one of {', '.join(choices)}.")
        return value

    def integer(self, name: str, default: int, allowed: range) -> int:
        """Return a parameter that is a number.

        Raises:
            OperationRefusal: If it is not a number in the range.
        """
        value = self.text(name) or str(default)
        if not _NUMBER.fullmatch(value) or int(value) not in allowed:
            raise invalid_parameter(name, f"{name} should be between {allowed[0]} and {allowed[-1]}.")
        return int(value)

    def boolean(self, name: str) -> bool | None:
        """Return a parameter that is true or false; None if it is missing.

        Raises:
            OperationRefusal: If it is neither.
        """
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in _BOOLEANS:
            raise invalid_parameter(name, f"{name} should be true or false.")
        return _BOOLEANS[value.lower()]

    def json(self, name: str, kind: type[list[Any] | dict[str, Any]]) -> Any:
        """Return a parameter that is JSON; an empty value of its kind if it is missing.

        Raises:
            OperationRefusal: If it is not JSON, or of another kind.
        """
        value = self.text(name)
        try:
            parsed = kind() if value is None else read_json(value)
        except ValueError:
            parsed = None
        if not isinstance(parsed, kind):
            raise invalid_parameter(name, f"{name} should be a JSON {'array' if kind is list else 'object'}.")
        return parsed

    def list(self, name: str) -> list[str]:
        """Return the values of `name.1`, `name.2`, …."""
        values: list[str] = []
        while (value := self.parameters.get(f"{name}.{len(values) + 1}")) is not None:
            values.append(value)
        return values

    def page(self, key: str, rows: Sequence[Any], *, sizes: range = range(1, 201)) -> dict[str, Any]:
        """Return one page of a list, with what is needed for the next one.

        Args:
            key: The field of the rows.
            rows: All rows.
            sizes: The sizes that a page may have.

        Raises:
            OperationRefusal: If the size or the token is not one that a page may have.
        """
        size = self.integer("maxResults", 20, sizes)
        start = self.integer("nextToken", 0, range(len(rows) + 1))
        end = start + size
        token = str(end) if end < len(rows) else ""
        return {key: rows[start:end], "maxResults": size, "nextToken": token, "totalCount": len(rows)}
