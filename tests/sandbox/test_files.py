"""Uploading, showing, downloading and deleting files, with the raw SDK."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.sandbox._batch_api import files
from tests.sandbox.support import (
    openai_client_of,
)

_PATH = "/compatible-mode/v1/files"
# The fields of the recorded response (2025-11).
_FIELDS = {"id", "object", "bytes", "filename", "purpose", "status", "created_at"}


@pytest.fixture(scope="module")
def other_client(running: Sandbox) -> Iterator[openai.OpenAI]:
    """Yield a client of another workspace."""
    with openai_client_of(running, running.add_workspace("others")) as client:
        yield client


def test_a_file_is_uploaded_downloaded_and_deleted(openai_client: openai.OpenAI) -> None:
    content = b'{"a": "\xe4\xbd\xa0"}\r\n\r\n--x\n\x00\xff\r\n'
    file = openai_client.files.create(file=("测试.jsonl", content), purpose="batch")
    assert re.fullmatch(r"file-batch-[0-9a-f]{24}", file.id)
    assert (file.filename, file.bytes, file.purpose) == ("测试.jsonl", len(content), "batch")
    assert openai_client.files.retrieve(file.id) == file
    assert openai_client.files.content(file.id).content == content
    deleted = openai_client.files.delete(file.id)
    assert deleted.to_dict() == {"id": file.id, "object": "file", "deleted": True}
    with pytest.raises(openai.NotFoundError):
        openai_client.files.retrieve(file.id)


async def test_async_sdk_uploads_a_file(async_openai_client: openai.AsyncOpenAI) -> None:
    file = await async_openai_client.files.create(file=b"", purpose="file-extract")  # type: ignore[arg-type]  # Alibaba's own
    assert re.fullmatch(r"file-fe-[0-9a-f]{24}", file.id)
    assert (await async_openai_client.files.content(file.id)).content == b""


def test_objects_have_the_recorded_shape(http: httpx.Client, sandbox: Sandbox) -> None:
    response = http.post(_PATH, data={"purpose": "file-extract"}, files={"file": ("test2.txt", b"content")})
    body = response.json()
    assert set(body) == _FIELDS
    assert (body["object"], body["bytes"], body["status"]) == ("file", 7, "processed")
    assert body["filename"] == "test2.txt"
    assert isinstance(sandbox.requests[-1].body, bytes)
    content = http.get(f"{_PATH}/{body['id']}/content")
    assert "content-type" not in content.headers
    assert content.headers["x-request-id"]


def test_an_uploaded_mail_is_not_parsed(openai_client: openai.OpenAI) -> None:
    mail = b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x--\r\n"
    file = openai_client.files.create(file=("a.eml", mail, "message/rfc822"), purpose="batch")
    assert openai_client.files.content(file.id).content == mail


def test_files_are_listed_page_by_page_and_newest_first(sandbox: Sandbox) -> None:
    with openai_client_of(sandbox, sandbox.add_workspace("lister")) as client:
        extract: Any = "file-extract"
        ids = [client.files.create(file=(f"{n}.txt", b"x"), purpose=extract).id for n in range(5)]
        batch = client.files.create(file=("b.jsonl", b"x"), purpose="batch").id
        assert [file.id for file in client.files.list(limit=2)] == [batch, *reversed(ids)]
        assert [file.id for file in client.files.list(order="asc", after=ids[1], limit=10)] == [*ids[2:], batch]
        assert [file.id for file in client.files.list(purpose="batch")] == [batch]


def test_files_of_another_workspace_are_not_listed(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    openai_client.files.create(file=b"x", purpose="batch")
    with openai_client_of(sandbox, sandbox.add_workspace("empty")) as client:
        assert client.files.list().data == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "10001"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "file-none"}, "id"),
    ],
)
def test_a_wrong_list_of_files_is_refused(http: httpx.Client, query: dict[str, str], param: str) -> None:
    response = http.get(_PATH, params=query)
    assert (response.status_code in {400, 404}, response.json()["error"]["param"]) == (True, param)


def test_files_belong_to_their_workspace(openai_client: openai.OpenAI, other_client: openai.OpenAI) -> None:
    file = openai_client.files.create(file=b"x", purpose="batch")
    for method in (other_client.files.retrieve, other_client.files.content, other_client.files.delete):
        with pytest.raises(openai.NotFoundError) as refused:
            method(file.id)
        assert refused.value.body == {
            "message": f"No such File object: {file.id}",
            "type": "invalid_request_error",
            "param": "id",
            "code": None,
        }
    assert openai_client.files.retrieve(file.id).id == file.id


@pytest.mark.parametrize("data", [{"purpose": "assistants"}, {"purpose": "batch_output"}, {}])
def test_unknown_purposes_are_refused_in_the_recorded_shape(http: httpx.Client, data: dict[str, str]) -> None:
    response = http.post(_PATH, data=data, files={"file": ("a.txt", b"x")})
    assert response.status_code == 400
    assert response.json() == {
        "error": {
            "message": "'purpose' must be 'batch' or 'file-extract'",
            "type": "invalid_request_error",
            "param": "purpose",
            "code": None,
        }
    }


def test_uploads_without_a_file_and_large_files_are_refused(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = http.post(_PATH, json={"purpose": "batch"})
    assert (plain.status_code, "body" in plain.json()["error"]["message"]) == (400, True)
    text = http.post(_PATH, files={"purpose": (None, b"batch"), "file": (None, b"x")})
    assert (text.status_code, text.json()["error"]["param"]) == (400, "file")
    monkeypatch.setattr(files, "_MAX_BATCH_BYTES", 3)
    large = http.post(_PATH, data={"purpose": "batch"}, files={"file": ("a", b"four")})
    assert (large.status_code, large.json()["error"]["param"]) == (400, "file")
    assert http.post(_PATH, data={"purpose": "file-extract"}, files={"file": ("a", b"four")}).status_code == 200


def test_a_form_field_without_a_name_is_ignored(http: httpx.Client) -> None:
    fields = (b"", b'; name="purpose"', b'; name="file"; filename="a.jsonl"')
    form = [b"--x\r\nContent-Disposition: form-data%b\r\n\r\nbatch\r\n" % field for field in fields]
    response = http.post(
        _PATH, content=b"".join([*form, b"--x--\r\n"]), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert (response.status_code, response.json()["filename"], response.json()["bytes"]) == (200, "a.jsonl", 5)


_DISPOSITION = "Content-Disposition: form-data; name="


@pytest.mark.parametrize(
    ("content_type", "head"),
    [
        ("multipart/form-data; boundary*=undefined''x", f"{_DISPOSITION}file; filename=a"),
        ("multipart/form-data; boundary*=punycode''x%ff", f"{_DISPOSITION}file; filename=a"),
        ("multipart/form-data; boundary=x", f"{_DISPOSITION}file; filename*=undefined''a"),
        ("multipart/form-data; boundary=x", f"{_DISPOSITION}file; filename*=hex''zz"),
        ("multipart/form-data; boundary=x", f"{_DISPOSITION}file; filename*=idna''{'a' * 70}."),
        ("multipart/form-data; boundary=x", f"{_DISPOSITION}*=punycode''file%ff"),
        ("text/plain", f"{_DISPOSITION}file; filename=a"),
    ],
)
def test_a_form_in_an_encoding_that_is_not_one_of_texts_is_a_refusal(
    http: httpx.Client, content_type: str, head: str
) -> None:
    content = f"--x\r\n{head}\r\n\r\ncontent\r\n--x--\r\n"
    assert http.post(_PATH, content=content, headers={"Content-Type": content_type}).status_code == 400


def test_wrong_methods_paths_and_keys_are_refused(http: httpx.Client, sandbox: Sandbox) -> None:
    assert "Request method 'PUT' is not supported." in http.put(_PATH).text
    assert "Request method 'POST' is not supported." in http.post(f"{_PATH}/file-1").text
    assert http.get(f"{_PATH}/file-1/more").status_code == 404
    assert http.get(f"{_PATH}/").json()["error"]["code"] == "NotFound"
    assert httpx.get(f"{sandbox.base_url}{_PATH}/file-1", trust_env=False).status_code == 401


def test_a_fault_with_a_path_reaches_files(openai_client: openai.OpenAI, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=503, path="/content")
    file = openai_client.files.create(file=b"x", purpose="batch")
    with pytest.raises(openai.InternalServerError):
        openai_client.files.content(file.id)
    assert openai_client.files.content(file.id).content == b"x"
