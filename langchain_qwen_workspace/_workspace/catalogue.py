"""Reads the service's own catalogue of models: their limits, media, features, prices and retirement.

Shapes: Model Studio docs, list of models, 2026-08-20, which names the workspaces' hosts of Beijing, Frankfurt, Tokyo
and Virginia, and the shared hosts of Singapore and Hong Kong. Public clients read the retirement as `offline_time` and
as `offlineTime` (2026-11). The catalogue is not the list of the models that the workspace may call.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias, TypedDict, cast

from langchain_qwen_workspace._seam import Destination, Json, Transport
from langchain_qwen_workspace._suggestions import suggest_argument
from langchain_qwen_workspace._workspace.lists import Listing, aread_rows, read_rows
from langchain_qwen_workspace.data._models import FORMAT_VERSION, built_in_models, format_catalogue, to_json_row
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.profiles import Profile, built_in_profile, profile_of

SHARED_HOST_REGIONS = frozenset({"ap-southeast-1", "cn-hongkong"})
"""The regions in which the shared host serves the catalogue."""

_PAGE_SIZE = 100
_MAX_PRICE = 10**12

PriceGroups: TypeAlias = Sequence[Mapping[str, Any]]
"""A model's prices in the catalogue's words: groups with a `range_name` and `prices`, each with `type` and `price`."""


class CatalogueFilters(TypedDict, total=False):
    """What a request for the catalogue can ask for; the service reads several filters as "and".

    Attributes:
        name: A part of the model's name in the console.
        model: The model's name in calls, in full.
        language: The language of descriptions and price names.
        providers: Who made the model.
        inference_providers: Who serves it.
        capabilities: What the model does, by the service's codes, such as `TG` (text) or `Reasoning`.
        features: Such as `function-calling`, `structured-outputs`, `web-search`, `prefix-completion`, `cache`, `batch`.
        context_window: The smallest context, in tokens.
        service_site: Where the model runs.
        supports: Whether it can be called, or deployed.
        deployment_methods: How it can be deployed, such as `ptu`.
        deployment_ptu_service_tiers: The tiers of that deployment.
    """

    name: str
    model: str
    language: Literal["zh-CN", "en-US"]
    providers: str | Sequence[str]
    inference_providers: str | Sequence[str]
    capabilities: str | Sequence[str]
    features: str | Sequence[str]
    context_window: int
    service_site: Literal[
        "global",
        "international",
        "asia-pacific-china",
        "cn-hongkong",
        "european-union",
        "united-states",
        "japan",
    ]
    supports: Literal["inference", "deploy"]
    deployment_methods: str | Sequence[str]
    deployment_ptu_service_tiers: str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact of the service's catalogue that differs from the package's own row.

    Attributes:
        model: The model's name.
        field: The field of `Profile`; `"row"` if the package has no row for the model.
        built_in: The value in the package's row; `None` without a row.
        catalogue: The value by the catalogue; for `"row"`, the model's kind.
    """

    model: str
    field: str
    built_in: object
    catalogue: object


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The models of the service's catalogue.

    A profile has the behaviour that is known of the model, or guessed from its family, and what the catalogue states:
    limits, media and retirement. A feature that the catalogue claims and the package's row denies counts as unknown.
    That a model is missing does not mean that it does not exist: filters, sites and regions leave models out.

    Example:
        ```python
        found = workspace.catalogue()
        profiles.register(*found.profiles)
        prices = PriceTable.from_catalogue(found, currency="CNY")
        ```

    Attributes:
        profiles: The profile of each model, in the service's order.
        prices: The prices of each model that has some, in the service's words; what is not a number is left out.
        date: The day on which the catalogue was read.
        source: Where it is from.
        region: The region of the host that served it, to which the prices apply; `None` if not known. The service does
            not state their currency.
        entries: The models as the service returned them, with everything that the other fields leave out.
    """

    profiles: tuple[Profile, ...]
    prices: Mapping[str, PriceGroups]
    date: dt.date
    source: str
    region: str | None = None
    entries: tuple[Json, ...] = field(default=(), repr=False)

    @classmethod
    def from_entries(
        cls, entries: Iterable[Json], *, date: dt.date, source: str, region: str | None = None
    ) -> "Catalogue":
        """Return the catalogue of models as the service describes them.

        Args:
            entries: The models; of a model that is there twice, the first counts.
            date: The day on which they were read.
            source: Where they are from.
            region: The region of the host that served them.
        """
        first: dict[str, Json] = {}
        for entry in entries:
            first.setdefault(entry["model"].strip().lower(), entry)
        found = tuple(first.values())
        prices = {entry["model"]: groups for entry in found if (groups := _to_price_groups(entry.get("prices")))}
        return cls(
            profiles=tuple(_to_profile(entry, date) for entry in found),
            prices=prices,
            date=date,
            source=source,
            region=region,
            entries=found,
        )

    def differences(self) -> tuple[Difference, ...]:
        """Return what differs from the package's own rows, whatever was registered, in the catalogue's order."""
        return tuple(difference for profile in self.profiles for difference in _compare(profile))

    def to_json(self) -> str:
        """Return the text of a catalogue file, which `profiles.load` and `QWEN_WORKSPACE_CATALOGUE` read."""
        defaults = built_in_models().defaults
        return format_catalogue(
            {
                "version": FORMAT_VERSION,
                "date": self.date.isoformat(),
                "source": self.source,
                "region": self.region,
                "defaults": defaults,
                "models": {profile.name: to_json_row(profile, defaults) for profile in self.profiles},
                "prices": self.prices,
            }
        )


def read_catalogue(transport: Transport, destination: Destination, filters: CatalogueFilters) -> Catalogue:
    """Return the service's catalogue, of all pages.

    Raises:
        ConfigurationError: There is no such filter.
        QwenWorkspaceError: The service refused, was not reached, or its list is malformed.
    """
    return _to_catalogue(read_rows(transport, destination, _listing(filters)), destination, filters)


async def aread_catalogue(transport: Transport, destination: Destination, filters: CatalogueFilters) -> Catalogue:
    """Return the service's catalogue, like `read_catalogue`."""
    return _to_catalogue(await aread_rows(transport, destination, _listing(filters)), destination, filters)


def _listing(filters: CatalogueFilters) -> Listing:
    known = CatalogueFilters.__annotations__
    if unknown := filters.keys() - known.keys():
        name = min(unknown)
        raise ConfigurationError(
            f"`{name}` is not a filter of the catalogue.{suggest_argument(name, known)} Expected "
            f"{', '.join(f'`{each}`' for each in known)}."
        )
    given = cast("Mapping[str, Any]", filters)
    query = {name: value if isinstance(value, str | int) else list(value) for name, value in given.items()}
    return Listing("/models", "models", query, page_size=_PAGE_SIZE)


def _to_catalogue(entries: Iterable[Json], destination: Destination, filters: CatalogueFilters) -> Catalogue:
    asked = ", ".join(f"{name}={value}" for name, value in filters.items())
    region = destination.region or "an unknown region"
    source = f"Model Studio's catalogue (GET /api/v1/models) of {region}" + (f", {asked}" if asked else "")
    today = dt.datetime.now(dt.UTC).date()
    return Catalogue.from_entries(entries, date=today, source=source, region=destination.region)


# ------------------------------------------------------------------------------------------------------- profiles

# The field of `model_info` of each limit; 0 and null mean that the catalogue states none.
_LIMITS = {
    "context": "context_window",
    "max_input_tokens": "max_input_tokens",
    "max_input_tokens_thinking": "reasoning_max_input_tokens",
    "max_output_tokens": "max_output_tokens",
    "max_reasoning_tokens": "max_reasoning_tokens",
}
_MEDIA = frozenset({"text", "image", "video", "audio"})
_NOT_COMPARED = frozenset({"name", "known", "as_of", "stated", "enforced", "retirement_note"})
# What is claimed, the field and the value by which a row denies it, and what is then assumed.
_CLAIMS: tuple[tuple[str, str, object, Mapping[str, Any]], ...] = (
    ("function-calling", "tool_calling", False, {"tool_calling": None, "tool_choice": Profile().tool_choice}),
    ("structured-outputs", "json_output", "none", {"json_output": "unknown"}),
    ("web-search", "web_search", "none", {"web_search": "unknown"}),
    ("cache", "cache", frozenset(), {"cache": Profile().cache}),
    ("Reasoning", "thinking", "none", {"thinking": "unknown"}),
)


def _to_profile(entry: Json, as_of: dt.date) -> Profile:
    profile = replace(profile_of(entry["model"]), name=entry["model"], known=True, as_of=as_of, **_stated_facts(entry))
    if profile.max_input_tokens_thinking == profile.max_input_tokens:
        profile = replace(profile, max_input_tokens_thinking=None)
    if profile.kind is None and "text" in profile.outputs and "TG" in _strings(entry.get("capabilities")):
        profile = replace(profile, kind="chat")
    claimed = _strings(entry.get("features")) | _strings(entry.get("capabilities"))
    for claim, name, denied, assumed in _CLAIMS:
        if claim in claimed and getattr(profile, name) == denied:
            profile = replace(profile, **assumed)
    return profile


def _stated_facts(entry: Json) -> dict[str, Any]:
    """Return the fields of a profile that the catalogue states for a model."""
    info, media = _object(entry.get("model_info")), _object(entry.get("inference_metadata"))
    facts: dict[str, Any] = {
        name: info[key] for name, key in _LIMITS.items() if type(info.get(key)) is int and info[key] > 0
    }
    for name, key in (("inputs", "request_modality"), ("outputs", "response_modality")):
        if found := {each.lower() for each in _strings(media.get(key))} & _MEDIA:
            facts[name] = frozenset(found)
    if "inference_offline_info" in entry:
        facts |= _to_retirement(entry["inference_offline_info"])
    return facts


def _to_retirement(info: object) -> dict[str, Any]:
    time = _object(info).get("offline_time") or _object(info).get("offlineTime")
    try:
        retired = dt.date.fromisoformat(time[:10]) if isinstance(time, str) else None
    except ValueError:
        return {}
    if retired is None:
        return {} if info else {"retired": None, "retirement": "none", "retirement_note": ""}
    note = f"offline {retired} by the service's catalogue"
    return {"retired": retired, "retirement": "official", "retirement_note": note}


def _compare(profile: Profile) -> Iterable[Difference]:
    ours = built_in_profile(profile.name)
    if not ours.known:
        yield Difference(profile.name, "row", None, profile.kind)
        return
    for each in fields(Profile):
        mine, theirs = getattr(ours, each.name), getattr(profile, each.name)
        if mine != theirs and each.name not in _NOT_COMPARED:
            yield Difference(profile.name, each.name, mine, theirs)


# --------------------------------------------------------------------------------------------------------- prices


def _to_price_groups(given: object) -> PriceGroups:
    """Return the groups of a model's prices that can be read, without prices that are not a number."""
    groups = [
        {**group, "prices": [item for item in group["prices"] if _is_price(item)]}
        for group in (given if isinstance(given, list) else ())
        if isinstance(group, dict) and isinstance(group.get("prices"), list)
    ]
    return [group for group in groups if group["prices"]]


def _is_price(item: object) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        return False
    try:
        price = Decimal(str(item.get("price")))
    except InvalidOperation:
        return False
    return price.is_finite() and 0 <= price <= _MAX_PRICE


def _object(given: object) -> Json:
    return given if isinstance(given, dict) else {}


def _strings(given: object) -> set[str]:
    return {each for each in given if isinstance(each, str)} if isinstance(given, list) else set()
