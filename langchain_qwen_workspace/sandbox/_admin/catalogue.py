"""The operation that lists the models of the service."""

from __future__ import annotations

from typing import Any

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._admin import prices
from langchain_qwen_workspace.sandbox._admin.account import Account
from langchain_qwen_workspace.sandbox._admin.requests import AdminRequest
from langchain_qwen_workspace.sandbox._models import ChatModel, Model

_PROVIDERS = ("deepseek", "glm", "kimi")


def list_models(_account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `ListModels`."""
    model, name = request.text("model"), (request.text("name") or "").lower()
    context = request.integer("contextWindow", 0, range(10**9))
    wanted = {key: set(request.json(key, list)) for key in ("capabilities", "features", "providers")}
    rows = [_render(_models.CATALOGUE[each]) for each in sorted(_models.CATALOGUE) if model in (None, each)]
    found = [
        row
        for row in rows
        if name in row["name"]
        and wanted["capabilities"] <= set(row["capabilities"])
        and wanted["features"] <= set(row["features"])
        and (not wanted["providers"] or row["provider"] in wanted["providers"])
        and (row["modelInfo"]["contextWindow"] or 0) >= context
    ]
    return request.page("models", found)


def _render(model: Model) -> dict[str, Any]:
    chat = model if isinstance(model, ChatModel) else None
    features = {
        "function-calling": chat and chat.tools,
        "structured-outputs": chat and chat.json == "schema",
        "web-search": chat and chat.search,
    }
    capabilities = {"TG": chat, "VU": chat and chat.media, "Reasoning": chat and chat.thinking != "none"}
    return {
        "model": model.name,
        "name": model.name,
        "description": "A model of the sandbox: it answers by rules.",
        "provider": next((each for each in _PROVIDERS if model.name.startswith(each)), "qwen"),
        "capabilities": [name for name, has in capabilities.items() if has],
        "features": [name for name, has in features.items() if has],
        "publishedTime": None,
        "inferenceMetadata": {
            "requestModality": ["Text", *(medium.title() for medium in sorted(chat.media if chat else ()))],
            "responseModality": ["Text"] if chat else [],
        },
        "modelInfo": {
            "contextWindow": chat and chat.max_input,
            "maxInputTokens": chat and chat.max_input,
            "maxOutputTokens": chat and chat.max_output,
            "maxReasoningTokens": chat.max_thinking if chat and chat.thinking != "none" else None,
            "reasoningMaxInputTokens": None,
            "reasoningMaxOutputTokens": None,
        },
        "prices": [
            {
                "rangeName": name,
                "prices": [
                    {"price": price, "priceName": type_, "priceUnit": "Per million tokens", "timeBand": "standard"}
                    for type_, price in types.items()
                ],
            }
            for name, types in prices.price_groups(model.name)
        ],
    }
