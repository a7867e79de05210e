"""Checks of embeddings, ranking and the Batch API."""

import io
import json
import math
import time
from collections.abc import Sequence
from typing import Any, cast

from langchain_qwen_workspace._protocols import transport_for
from langchain_qwen_workspace._seam import FilesTransport
from langchain_qwen_workspace._verify.beliefs import Belief, Call
from langchain_qwen_workspace._verify.observation import Observation, compare
from langchain_qwen_workspace._verify.session import CannotKnow, Session, describe
from langchain_qwen_workspace.errors import QwenWorkspaceError

_MOST_POLLS = 24
_RUNNING = frozenset({"validating", "in_progress", "finalizing"})
_CREATED = 200
_TOLERANCE = 0.01


def check_vector_length(session: Session, belief: Belief) -> Observation:
    """Embed a text; the length of its vector should be 1."""
    length, request_id = _length_of_vector(session, belief)
    return Observation(abs(length - 1) < _TOLERANCE, f"The vector's length is {length:.4f}.", request_id)


def check_vector_not_normalized(session: Session, belief: Belief) -> Observation:
    """Embed a text; the length of its vector should not be 1."""
    length, request_id = _length_of_vector(session, belief)
    return Observation(abs(length - 1) >= _TOLERANCE, f"The vector's length is {length:.4f}.", request_id)


def _length_of_vector(session: Session, belief: Belief) -> tuple[float, str | None]:
    exchange = session.send(belief)
    body = exchange.body or {}
    rows: Sequence[Any] = body.get("data") or (body.get("output") or {}).get("embeddings") or ()
    if not rows:
        raise CannotKnow(f"There is no vector: {describe(exchange)}")
    return math.sqrt(sum(number * number for number in rows[0]["embedding"])), exchange.request_id


def check_ranking(session: Session, belief: Belief) -> Observation:
    """Rank documents; the scores should fall, and the number of results should be `top_n`."""
    exchange = session.send(belief)
    if not (found := compare(exchange, belief.expected)).agrees:
        return found
    results = (exchange.body.get("output") or exchange.body).get("results") or ()
    scores = [result["relevance_score"] for result in results]
    body: Any = belief.call.body
    wanted = body.get("parameters", body).get("top_n")
    agrees = scores == sorted(scores, reverse=True) and len(scores) == wanted
    return Observation(agrees, f"The scores are {scores}.", exchange.request_id)


def check_batch(session: Session, belief: Belief) -> Observation:
    """Run a batch of the service's test model, which costs nothing, to its end."""
    line = {"custom_id": "1", "method": "POST", "url": belief.call.body["endpoint"], "body": {}}
    line["body"] = {"model": belief.call.body["test_model"], "messages": [{"role": "user", "content": "Hi"}]}
    file_id = _upload(session, belief, json.dumps(line) + "\n")
    body = {
        "input_file_id": file_id,
        "endpoint": belief.call.body["endpoint"],
        "completion_window": belief.call.body["completion_window"],
    }
    exchange = session.send(belief, body=body)
    for poll in range(_MOST_POLLS):
        batch = exchange.body if isinstance(exchange.body, dict) else {}
        if exchange.status != _CREATED or batch.get("status") not in _RUNNING:
            return compare(exchange, belief.expected)
        if poll:
            time.sleep(session.poll_interval)
        exchange = session.exchange(
            Call(protocol=belief.call.protocol, service="files", method="GET", path=f"/batches/{batch['id']}")
        )
    raise CannotKnow(f"The batch did not end in {_MOST_POLLS * session.poll_interval:.0f} seconds.")


def _upload(session: Session, belief: Belief, text: str) -> str:
    workspace, protocol = session.workspace, belief.call.protocol
    connection = workspace._connection(  # noqa: SLF001 - a value of this package
        protocol, "files", timeout=session.timeout, max_retries=0, http_client=session.client
    )
    transport = cast("FilesTransport", transport_for(protocol, connection, "files"))
    request = session.request(Call(protocol=protocol, path="/files", body={"purpose": "batch"}))
    try:
        return str(transport.upload(request, io.BytesIO(text.encode()), "verify.jsonl")["id"])
    except (QwenWorkspaceError, LookupError) as error:
        raise CannotKnow(f"The file cannot be uploaded: {error}") from None
