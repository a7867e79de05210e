"""The service's catalogue of models, `GET /api/v1/models`: the facts and prices of the package's data files.

Shapes: Model Studio docs, list of models, 2026-08-20. Prices are those of Beijing, where the list of the data is from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._calls import Call, Reply
from langchain_qwen_workspace.sandbox._errors import parameter_error
from langchain_qwen_workspace.sandbox._http.management_routes import page
from langchain_qwen_workspace.sandbox._models import Row

_FILTERS = frozenset(
    {"name", "model", "language", "capabilities", "features", "context_window", "supports", "page_no", "page_size"}
)
_MEDIA = ("text", "image", "video", "audio")
_TIME_BANDS = frozenset({"peak", "offpeak"})
_PRICED_REGIONS = frozenset({"cn-beijing", "beijing"})


def list_catalogue(call: Call) -> Reply:
    """Answer `GET /api/v1/models` with every model of the sandbox, whoever may call it, page by page."""
    if unknown := call.query.keys() - _FILTERS:
        raise parameter_error(f"The sandbox does not filter models by {sorted(unknown)}.")  # our text
    is_priced = call.workspace.region in _PRICED_REGIONS
    described = (_describe(name, row, is_priced=is_priced) for name, row in _models.ROWS.items())
    return page(call, "models", [model for model in described if _is_wanted(model, call)])


def _is_wanted(model: Mapping[str, Any], call: Call) -> bool:
    context = call.query.get("context_window", "0")
    if not context.isdecimal():
        raise parameter_error("context_window should be a positive integer.")  # our text
    return (
        call.query.get("model") in (None, model["model"])
        and call.query.get("name", "").lower() in model["name"].lower()
        and (model["model_info"]["context_window"] or 0) >= int(context)
        # The sandbox's models cannot be deployed.
        and call.query.get("supports") in (None, "inference")
        and all(set(call.query_lists.get(name, ())) <= set(model[name]) for name in ("capabilities", "features"))
    )


def _describe(name: str, row: Row, *, is_priced: bool) -> dict[str, Any]:
    """Return a model as the catalogue describes it."""
    retired = row.get("retired")
    return {
        "model": name,
        "name": name,
        "description": "A model of the sandbox: it answers by rules.",
        "provider": None,
        "inference_provider": None,
        "capabilities": _capabilities(row),
        "features": _features(row),
        "published_time": None,
        "inference_metadata": {
            "request_modality": _modalities(row["inputs"]),
            "response_modality": _modalities(row["outputs"]),
        },
        "model_info": {
            "context_window": row.get("context"),
            "max_input_tokens": row.get("max_input_tokens"),
            "max_output_tokens": row.get("max_output_tokens"),
            "max_reasoning_tokens": row.get("max_reasoning_tokens"),
            "reasoning_max_input_tokens": row.get("max_input_tokens_thinking"),
            "reasoning_max_output_tokens": None,
        },
        "prices": _prices().get(name, []) if is_priced else [],
        "equivalent_snapshot": None,
        "inference_offline_info": {"offline_time": f"{retired} 00:00:00"} if retired else None,
    }


def _capabilities(row: Row) -> list[str]:
    has = {
        "TG": row["kind"] == "chat",
        "Reasoning": row["thinking"] not in ("none", "unknown"),
        "VU": row["kind"] == "chat" and not {"image", "video"}.isdisjoint(row["inputs"]),
    }
    return [capability for capability, is_one in has.items() if is_one]


def _features(row: Row) -> list[str]:
    has = {
        "function-calling": row["tool_calling"],
        "structured-outputs": row["json_output"] == "schema",
        "web-search": row["web_search"] not in ("none", "unknown"),
        "cache": bool(row["cache"]),
    }
    return [feature for feature, is_one in has.items() if is_one]


def _modalities(media: list[str]) -> list[str]:
    return [medium.title() for medium in _MEDIA if medium in media]


@lru_cache(maxsize=1)
def _prices() -> Mapping[str, list[dict[str, Any]]]:
    """Return the prices of each model in the catalogue's form."""
    folder = files("langchain_qwen_workspace").joinpath("data")
    data = json.loads(folder.joinpath("prices_cn_2026_08_20.json").read_text(encoding="utf-8"))
    return {
        model: [
            {
                "range_name": "Default" if name in {"", *_TIME_BANDS} else name,
                "prices": [
                    {
                        "type": type_,
                        "price": price,
                        "price_unit": "1M tokens",
                        "price_name": type_,
                        "time_band": name if name in _TIME_BANDS else None,
                    }
                    for type_, price in prices.items()
                ],
            }
            for name, prices in groups.items()
        ]
        for model, groups in data["models"].items()
    }
