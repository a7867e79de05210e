"""Refuses arguments that a class does not have, and suggests the one that was probably meant."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, model_validator

from langchain_qwen_workspace._suggestions import suggest_argument
from langchain_qwen_workspace.errors import ConfigurationError


class KnownArgumentsOnly(BaseModel):
    """A pydantic model whose error for an unknown argument suggests the one that was probably meant.

    The models that inherit from it have `extra="forbid"`, whose own error says only that the argument is not permitted.
    """

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_arguments(cls, values: Any) -> Any:
        fields = cls.model_fields
        unknown = [name for name in values if name not in fields] if isinstance(values, Mapping) else []
        # A subclass of the user's may have aliases; pydantic knows them all.
        if not unknown or any(field.validation_alias for field in fields.values()):
            return values
        found = " ".join(
            f"`{name!s:.80}` is not an argument of `{cls.__name__}`.{suggest_argument(name, fields)}"
            for name in unknown
        )
        advice = (
            "Pass parameters of the service that have no field here in `model_kwargs`."
            if "model_kwargs" in fields
            else f"Expected {', '.join(f'`{name}`' for name in fields)}."
        )
        raise ConfigurationError(f"{found} {advice}")
