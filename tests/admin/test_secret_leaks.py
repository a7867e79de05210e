"""Searches everything that administration leaves behind for the AccessKey, its token, and the values of new keys.

Where they are by design: in the requests, in the file that the user names for keys (mode 0600), and with the user's own
function.
"""

import asyncio
import logging
import pickle
import traceback
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace import QwenWorkspaceError
from langchain_qwen_workspace.admin import KeyFile, KeySpec, Spec, WorkspaceAdmin, WorkspaceSpec
from tests.support.server import Act, Received, Reply, Server, json_reply

ACCESS_KEY_ID = "LTAI-PL4NTED-ID"
ACCESS_KEY_SECRET = "PL4NTED-SECRET-of-the-access-key"
SECURITY_TOKEN = "PL4NTED-TOKEN-of-sts"
API_KEY = "sk-ws-PL4NTED-API-KEY"
PLANTED = (ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN, API_KEY)
WORKSPACE = {"workspaceId": "llm-a", "workspaceName": "a"}

ECHO = {"Message": f"Bad {ACCESS_KEY_ID} {ACCESS_KEY_SECRET} {SECURITY_TOKEN} {API_KEY}", "RequestId": API_KEY}
FAULTS = [
    json_reply({**ECHO, "Code": "InvalidAccessKeyId.NotFound"}, 404),
    json_reply({**ECHO, "Code": ACCESS_KEY_SECRET}, 400),
    json_reply({**ECHO, "Code": "InternalError"}, 500),
    json_reply({"success": False, "message": ECHO["Message"], "code": "x"}),
    json_reply({**ECHO, "Code": "Throttling.User"}, 429).with_headers(x_acs_retry_after="1"),
    Reply((f"<html>{ECHO['Message']}</html>".encode(),), 502),
    Reply((Act.DROP,)),
    json_reply({"success": True, "apiKey": {"apiKeyValue": API_KEY}, "workspaces": [{"x": API_KEY}]}),
]


def answer(received: Received) -> Reply:
    """Answer as a control plane with one workspace and no keys."""
    body: dict[str, Any] = {"success": True, "apiKeys": [], "list": [], "limits": [], "workspaces": [WORKSPACE]}
    if received.headers["x-acs-action"] in {"CreateApiKey", "ResetApiKey", "GetApiKey"}:
        body["apiKey"] = {"apiKeyId": 12, "apiKeyValue": API_KEY, "workspaceId": "llm-a", "auth": {"type": "All"}}
    return json_reply(body)


class Found:
    """Texts by the surface on which they were found."""

    def __init__(self) -> None:
        self.texts: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, surface: str, *things: object) -> None:
        self.texts[surface] += [thing if isinstance(thing, str) else repr(thing) for thing in things]

    def add_error(self, error: BaseException) -> None:
        self.add("texts of errors", str(error))
        self.add("values of errors", error, error.args, vars(error), getattr(error, "__notes__", []))
        self.add("tracebacks", *traceback.format_exception(error))
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.add("variables in tracebacks", "".join(shown.format()))
        self.add("pickles of errors", pickle.dumps(error))
        cause = error.__cause__
        while cause is not None:
            self.add("causes", str(cause), cause, vars(cause), getattr(cause, "data", None))
            cause = cause.__cause__ or cause.__context__


class _LogRecorder(logging.Handler):
    def __init__(self, found: Found) -> None:
        super().__init__(logging.DEBUG)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        surface = "log records of the SDK" if record.name == "darabonba-core" else "log records"
        self._found.add(surface, record.getMessage(), vars(record))


def make(**values: Any) -> WorkspaceAdmin:
    """Make an administrator as code does that has the secret in no variable of its own."""
    return WorkspaceAdmin(access_key_id=PLANTED[0], access_key_secret=PLANTED[1], security_token=PLANTED[2], **values)


def attempt(found: Found, do: Callable[[], Any]) -> None:
    try:
        found.add("results", do())
    except QwenWorkspaceError as error:
        found.add_error(error)


def use(admin: WorkspaceAdmin, found: Found, path: Path) -> None:
    spec = Spec((WorkspaceSpec("a", ("m",), (), (KeySpec("ci", "all"),)),))
    attempt(found, admin.workspaces)
    attempt(found, lambda: asyncio.run(admin.aworkspaces()))
    attempt(found, lambda: admin.create_key("llm-a", models="all"))
    attempt(found, lambda: asyncio.run(admin.acreate_key("llm-a", models=["m"])))
    attempt(found, lambda: admin.reset_key(12))
    attempt(found, lambda: admin.grant("llm-a", ["m"]))
    attempt(found, lambda: found.add("plans", plan := admin.plan(spec), str(plan), pickle.dumps(plan)))
    attempt(found, lambda: admin.apply(admin.plan(spec), keys=KeyFile(path)))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    found, path = Found(), tmp_path_factory.mktemp("keys") / "keys.json"
    root = logging.getLogger()
    recorder = _LogRecorder(found)
    with pytest.MonkeyPatch.context() as patch, Server() as plane, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        patch.setenv("DEBUG", "sdk")  # The SDK then logs the headers of its requests.
        level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(recorder)
        try:
            admin = WorkspaceAdmin(
                access_key_id=ACCESS_KEY_ID,
                access_key_secret=ACCESS_KEY_SECRET,
                security_token=SECURITY_TOKEN,
                base_url=plane.url,
                max_retries=0,
            )
            plane.default = answer
            use(admin, found, path)
            for fault in FAULTS:
                plane.default = lambda _, fault=fault: fault  # type: ignore[misc]  # bound at once
                use(admin, found, path)
            attempt(found, lambda: make(region="mars"))
            attempt(found, lambda: make(timeout=0))
            attempt(found, lambda: make(base_url="http://example.com"))
            plane.default = answer
            key = admin.create_key("llm-a", models="all")
        finally:
            root.removeHandler(recorder)
            root.setLevel(level)
    plane_of = vars(admin)["_plane"]
    found.add("texts of objects", admin, str(admin), key, str(key), vars(admin), vars(plane_of), key.workspace)
    found.add("pickles", *(pickle.dumps(thing, version) for thing in (admin, key) for version in range(2, 6)))
    found.add("warnings", *(str(warning.message) for warning in warned), "")
    found.add("key files", KeyFile(path), str(path.stat().st_mode & 0o777))
    found.add("files beside it", *(each.name for each in path.parent.iterdir() if each != path), "")
    return found


SURFACES = {
    "results",
    "plans",
    "texts of errors",
    "values of errors",
    "tracebacks",
    "variables in tracebacks",
    "pickles of errors",
    "causes",
    "log records",
    "log records of the SDK",
    "texts of objects",
    "pickles",
    "warnings",
    "key files",
    "files beside it",
}


def test_every_surface_was_searched(found: Found) -> None:
    assert found.texts.keys() >= SURFACES
    assert any("x-acs-security-token" in text for text in found.texts["log records of the SDK"])


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_no_secret_is_on_a_surface(found: Found, surface: str) -> None:
    hits = [text[:400] for text in found.texts[surface] for secret in PLANTED if secret in text]
    assert hits == []


def test_the_file_of_keys_is_readable_by_its_owner_only(found: Found) -> None:
    assert found.texts["key files"][1] == str(0o600)


def test_the_sdk_prints_no_secret(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEBUG", "sdk")
    with Server() as plane:
        plane.default = answer
        admin = WorkspaceAdmin(
            access_key_id=ACCESS_KEY_ID,
            access_key_secret=ACCESS_KEY_SECRET,
            security_token=SECURITY_TOKEN,
            base_url=plane.url,
        )
        use(admin, Found(), tmp_path / "keys.json")
    printed = "".join(capfd.readouterr())
    assert [secret for secret in PLANTED if secret in printed] == []
