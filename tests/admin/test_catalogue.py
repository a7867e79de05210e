"""The service's catalogue of models, read with an AccessKey."""

from typing import Any

import pytest

from langchain_qwen_workspace.admin import WorkspaceAdmin
from langchain_qwen_workspace.sandbox import Sandbox
from tests.admin.conftest import shown
from tests.support.server import Server, json_reply

ENTRY: dict[str, Any] = {
    "model": "new-model",
    "features": ["function-calling"],
    "inferenceMetadata": {"requestModality": ["Text", "Image"], "responseModality": ["Text"]},
    "modelInfo": {"contextWindow": 1000, "maxInputTokens": 900, "reasoningMaxInputTokens": 800},
    "prices": [{"rangeName": "Default", "prices": [{"price": "2", "priceName": "Input"}]}],
}


@pytest.fixture
def read(admin: WorkspaceAdmin, plane: Server) -> WorkspaceAdmin:
    plane.script(json_reply({"success": True, "models": [ENTRY], "nextToken": ""}))
    return admin


def test_the_catalogue_has_the_limits_and_media_of_a_model(read: WorkspaceAdmin) -> None:
    (profile,) = read.catalogue().profiles
    assert (profile.context, profile.max_input_tokens, profile.max_input_tokens_thinking) == (1000, 900, 800)
    assert profile.inputs == {"text", "image"}


async def test_what_is_not_read_of_the_catalogue_is_kept(read: WorkspaceAdmin) -> None:
    found = await read.acatalogue()
    (entry,) = found.entries
    assert (entry["prices"][0]["range_name"], found.prices) == ("Default", {})


def test_the_catalogue_names_its_region(read: WorkspaceAdmin) -> None:
    assert read.catalogue().region == "cn-beijing"


def test_the_request_for_the_catalogue_is_the_recorded_one(read: WorkspaceAdmin, plane: Server) -> None:
    read.catalogue()
    assert shown(plane.requests[0]) == "ListModels /modelstudio/models?maxResults=50"


def test_all_pages_of_the_catalogue_are_read() -> None:
    with Sandbox() as sandbox:
        found = sandbox.admin().catalogue()
    assert len(found.profiles) > 50
