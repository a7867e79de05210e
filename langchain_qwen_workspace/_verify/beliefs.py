"""What the package believes of the service: the rows of `data/beliefs.json`, read when first used."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from langchain_qwen_workspace.errors import ConfigurationError

Certainty = Literal["documented", "uncertain"]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Call(_Row):
    """The request by which a belief is checked; a check may send it with changes.

    Attributes:
        protocol: The protocol's name.
        model: The model; `None` for the model that is being verified.
        messages: A conversation, which the protocol's wire encodes; `None` for other requests.
        parameters: Parameters of the body, sent as they are; `None` leaves out one that is usually sent.
        stream: Whether the response is an event stream.
        path: The route of a request without a conversation.
        body: Its JSON body.
        method: Its HTTP method.
        query: Its query.
        service: Which of the protocol's base paths the route is below.
        headers: Headers in addition to the usual ones.
    """

    protocol: str
    model: str | None = None
    messages: tuple[dict[str, JsonValue], ...] | None = None
    parameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    stream: bool = False
    path: str = ""
    body: Mapping[str, JsonValue] = Field(default_factory=dict)
    method: Literal["GET", "POST"] = "POST"
    query: Mapping[str, str | int] = Field(default_factory=dict)
    service: Literal["models", "rerank", "files"] = "models"
    headers: Mapping[str, str] = Field(default_factory=dict)


class Expected(_Row):
    """What is observed if a belief is right. Patterns are regular expressions, searched for.

    Attributes:
        status: The HTTP statuses.
        text: A pattern of the body or the events, as they arrived.
        absent: A pattern that the body or the events do not have.
        absent_header: A pattern of names that no response header has.
        values: Patterns of values of the JSON body, by their path (`output.choices.0`). Values that are not strings
            are matched as JSON.
        decides_access: Whether a status that usually says that the key may not do something decides the belief.
    """

    status: tuple[int, ...] = (200,)
    text: str | None = None
    absent: str | None = None
    absent_header: str | None = None
    values: Mapping[str, str] = Field(default_factory=dict)
    decides_access: bool = False


class Belief(_Row):
    """One thing that the package believes of the service.

    Attributes:
        id: Its name.
        group: What it is about.
        sentence: What is believed.
        source: Where it is from.
        date: The date of the source, as exact as it is known: `2026`, `2026-10` or `2026-10-13`.
        certainty: Whether the service's documentation says so, or sources are few or contradict each other.
        check: The name of the check.
        call: The request that the check sends.
        expected: What it then expects.
        region: The only region that it is about; `None` for all.
        other_case: What else may be true, where the package handles both.
        is_decisive: Whether it is checked first, since much depends on it.
        if_otherwise: What to change in the package if the belief is wrong.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    group: str
    sentence: str
    source: str
    date: str = Field(pattern=r"^20\d\d(-\d\d(-\d\d)?)?$")
    certainty: Certainty
    check: str
    call: Call
    expected: Expected = Expected()
    region: str | None = None
    other_case: str | None = None
    is_decisive: bool = False
    if_otherwise: str | None = None

    @model_validator(mode="after")
    def _says_what_to_change(self) -> "Belief":
        if self.is_decisive and not self.if_otherwise:
            raise ValueError("a decisive belief needs `if_otherwise`")
        return self


class Verification(_Row):
    """When, where and with which models the beliefs were last verified."""

    date: date
    region: str
    models: tuple[str, ...]
    otherwise: tuple[str, ...] = ()


class Beliefs(_Row):
    """All beliefs, the decisive ones first, and the last verification; `None` if there was none yet."""

    last_verification: Verification | None
    beliefs: tuple[Belief, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Beliefs":
        names = [belief.id for belief in self.beliefs]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"repeated ids: {', '.join(repeated)}")
        return self

    def select(self, names: Sequence[str] = ()) -> list[Belief]:
        """Return the beliefs with these ids or groups, all if there are none, the decisive ones first.

        Raises:
            ConfigurationError: A name is neither an id nor a group.
        """
        known = {name for belief in self.beliefs for name in (belief.id, belief.group)}
        if unknown := [name for name in names if name not in known]:
            groups = ", ".join(dict.fromkeys(belief.group for belief in self.beliefs))
            raise ConfigurationError(
                f"{unknown[0]!r} is neither a belief nor a group. Expected a group ({groups}) or an id of `--list`."
            )
        wanted = [b for b in self.beliefs if not names or b.id in names or b.group in names]
        return sorted(wanted, key=lambda belief: not belief.is_decisive)


def parse_beliefs(text: str) -> Beliefs:
    """Return the beliefs of a JSON text.

    Raises:
        ConfigurationError: A row is malformed; the error names it.
    """
    try:
        return Beliefs.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(f"The list of beliefs is malformed at {where}: {first['msg']}.") from None


@lru_cache(maxsize=1)
def load_beliefs() -> Beliefs:
    """Return the package's beliefs."""
    return parse_beliefs((files("langchain_qwen_workspace.data") / "beliefs.json").read_text(encoding="utf-8"))


def value_at(body: Any, path: str) -> Any:
    """Return the value at a path such as `output.choices.0.finish_reason`.

    Raises:
        LookupError: There is no such value.
    """
    found = body
    for step in path.split("."):
        if isinstance(found, list):
            if not step.isdecimal():
                raise LookupError(path)
            found = found[int(step)]
        elif isinstance(found, Mapping):
            found = found[step]
        else:
            raise LookupError(path)  # noqa: TRY004 - there is no value at the path, whatever the reason
    return found
