"""Checks of keys, permissions and limits."""

from typing import Any

from pydantic import SecretStr

from langchain_qwen_workspace._verify.beliefs import Belief, Call, value_at
from langchain_qwen_workspace._verify.observation import Observation, compare
from langchain_qwen_workspace._verify.session import CannotKnow, Session
from langchain_qwen_workspace._workspace.permissions import limits_path
from langchain_qwen_workspace.profiles import catalogue

# A limit that so many small requests exceed is tried; others are not worth the money.
_MOST_REQUESTS = 5
_THROTTLED = 429


def check_response(session: Session, belief: Belief) -> Observation:
    """Send the belief's request and compare the response with what is expected."""
    return compare(session.send(belief), belief.expected)


def check_unpermitted_model(session: Session, belief: Belief) -> Observation:
    """Call a model that the key may not call."""
    permitted = session.permitted_models
    region = session.workspace.region
    names = [
        profile.name
        for profile in catalogue()
        if profile.kind == "chat" and not profile.retired and profile.tool_calling and region in profile.regions
        if profile.is_served_over(belief.call.protocol) and profile.streaming == "optional"
    ]
    refused = [name for name in names if name not in permitted]
    if not refused:
        raise CannotKnow("The key may call every model that the package knows in this region.")
    priced = [name for name in refused if session.has_price(name)]
    if not priced:
        raise CannotKnow(f"No model that the key may not call has a known price: {', '.join(refused)}.")
    return compare(session.send(belief, model=priced[0]), belief.expected)


def check_throttled_model(session: Session, belief: Belief) -> Observation:
    """Exceed the workspace's own limit of a model, if it has one that a few requests exceed."""
    model, requests = _model_with_limit(session)
    for _ in range(requests + 1):
        exchange = session.send(belief, model=model, access_decides=True)
        if exchange.status == _THROTTLED:
            return compare(exchange, belief.expected)
    raise CannotKnow(f"{requests + 1} requests to {model} were not throttled, although its limit is {requests}.")


def _model_with_limit(session: Session) -> tuple[str, int]:
    query: dict[str, str | int] = {"page_no": 1, "page_size": 200}
    paths = ("/models/limits", "/quotas")
    for path in paths:
        exchange = session.exchange(Call(protocol="dashscope", method="GET", path=path, query=query))
        rows: Any = None
        try:
            rows = value_at(exchange.body, "output.quotas")
        except (LookupError, TypeError):
            continue
        for row in rows:
            limit = (row.get("workspace_limit") or {}).get("request_limit")
            if limit is not None and 0 < limit <= _MOST_REQUESTS:
                return row["model"], limit
    raise CannotKnow(
        f"No model has a limit of its own of at most {_MOST_REQUESTS} requests in this workspace. Set one in the "
        "console for a cheap model, such as 1 request in 60 seconds, and verify this belief again with `--only`."
    )


def check_wrong_key(session: Session, belief: Belief) -> Observation:
    """Send the request with a key that does not exist."""
    workspace = session.workspace.model_copy(update={"api_key": SecretStr("sk-00000000000000000000000000000000")})
    return compare(session.exchange(belief.call, workspace=workspace), belief.expected)


def check_limits_of_key(session: Session, belief: Belief) -> Observation:
    """Read the limits, which name the workspace of the key."""
    exchange = session.send(belief, path=limits_path(session.workspace.region))
    compared = compare(exchange, belief.expected)
    if not compared.agrees:
        return compared
    named = value_at(exchange.body, "output.quotas.0.workspace_id")
    wanted = session.workspace.workspace_id
    agrees = bool(named) and (wanted is None or named == wanted)
    return Observation(agrees, f"The limits name the workspace {named!r}.", exchange.request_id)
