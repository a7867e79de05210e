"""A scripted control plane, and an administrator that calls it."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from langchain_qwen_workspace._admin import flows
from langchain_qwen_workspace.admin import WorkspaceAdmin
from tests.support.server import Received, Server, json_reply

ACCESS_KEY_ID = "LTAIplantedId"
ACCESS_KEY_SECRET = "pl4ntedSecretOfTheAccessKey"


@pytest.fixture
def plane() -> Iterator[Server]:
    """Yield a control plane whose answers are scripted; without a script it only says success."""
    with Server() as server:
        server.default = lambda _: json_reply({"success": True, "requestId": "R"})
        yield server


@pytest.fixture
def admin(plane: Server) -> WorkspaceAdmin:
    """Return an administrator of the scripted control plane."""
    return WorkspaceAdmin(
        region="cn-beijing", access_key_id=ACCESS_KEY_ID, access_key_secret=ACCESS_KEY_SECRET, base_url=plane.url
    )


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits of flows, which take no time."""
    waits: list[float] = []

    async def arun(wait: flows.Wait, _: object) -> None:
        waits.append(wait.seconds)

    monkeypatch.setattr(flows.Wait, "run", lambda wait, _: waits.append(wait.seconds))
    monkeypatch.setattr(flows.Wait, "arun", arun)
    return waits


def shown(received: Received) -> str:
    """Return the operation, path and body of a request, as the recordings show them."""
    return " ".join(filter(None, (received.headers["x-acs-action"], received.path, received.raw.decode())))


def query_of(received: Received) -> dict[str, str]:
    """Return the fields of a request, from its query and its form."""
    fields = {**parse_qs(urlsplit(received.path).query), **parse_qs(received.raw.decode())}
    return {name: given[0] for name, given in fields.items()}
