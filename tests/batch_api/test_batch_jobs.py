"""Batches against the sandbox: what is sent, what becomes of it, and what is refused before anything is sent."""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from pydantic import SecretStr

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    ConfigurationError,
    ContextLengthError,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    UnsupportedInputError,
)
from langchain_qwen_workspace._wire import batches as wire
from langchain_qwen_workspace.sandbox import Sandbox

FILES, BATCHES = "/compatible-mode/v1/files", "/compatible-mode/v1/batches"
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def _running() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def sandbox(_running: Sandbox) -> Sandbox:
    _running.clear()
    return _running


@pytest.fixture
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    """Return a workspace that no other test knows."""
    return sandbox.workspace(uuid.uuid4().hex)


@pytest.fixture
def llm(workspace: QwenWorkspace) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=0)


@tool
def weather(city: str) -> str:
    """Say what the weather is."""
    return city


def uploaded(sandbox: Sandbox) -> bytes:
    """Return the only file that was uploaded."""
    (request,) = [each for each in sandbox.requests if each.path == FILES]
    boundary = re.fullmatch(r"multipart/form-data; boundary=(.+)", request.headers["content-type"])
    assert boundary is not None
    parts = request.body.split(b"--" + boundary[1].encode())
    assert [part.partition(b"\r\n\r\n")[0].strip().decode().splitlines()[0] for part in parts[1:-1]] == [
        'Content-Disposition: form-data; name="purpose"',
        'Content-Disposition: form-data; name="file"; filename="batch.jsonl"',
    ]
    assert parts[1].endswith(b"\r\n\r\nbatch\r\n")
    content: bytes = parts[2].partition(b"\r\n\r\n")[2]
    return content.removesuffix(b"\r\n")


def lines(sandbox: Sandbox) -> list[Any]:
    *found, end = uploaded(sandbox).split(b"\n")
    assert end == b""
    return [json.loads(line) for line in found]


def sent(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in sandbox.requests]


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


# ----------------------------------------------------------------------------------------------------------- lines


def test_a_batch_is_one_upload_and_one_order(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    batch_id = QwenWorkspaceBatch(llm).submit({"q1": "Hi"})
    assert batch_id.startswith("batch_")
    assert sent(sandbox) == [("POST", FILES), ("POST", BATCHES)]
    assert uploaded(sandbox) == (
        b'{"custom_id":"q1","method":"POST","url":"/v1/chat/completions",'
        b'"body":{"model":"qwen-plus","messages":[{"role":"user","content":"Hi"}]}}\n'
    )
    file_id = sandbox.requests[1].body["input_file_id"]
    assert file_id.startswith("file-batch-")
    assert sandbox.requests[1].body == {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}


@pytest.mark.parametrize("window", ["24h", "25h", "336h", "1d", "14d"])
def test_window_and_name_are_sent_with_the_order(llm: ChatQwenWorkspace, sandbox: Sandbox, window: str) -> None:
    QwenWorkspaceBatch(llm, completion_window=window, name="测试任务").submit(["Hi"])
    order = sandbox.requests[1].body
    assert (order["completion_window"], order["metadata"]) == (window, {"ds_name": "测试任务"})


def test_chat_lines_have_the_parameters_of_the_model_and_what_is_bound_to_it(
    workspace: QwenWorkspace, sandbox: Sandbox
) -> None:
    llm = ChatQwenWorkspace(
        model="qwen-plus",
        workspace=workspace,
        temperature=0.5,
        top_p=0.25,
        streaming=True,
        stop=["model's"],
        extra_body={"enable_search": False, "top_k": 7},
    )
    # LangChain's signature promises less than the binding that it returns.
    bound: Any = llm.bind_tools([weather]).bind(temperature=0.75, stop=["bound"], seed=3)
    QwenWorkspaceBatch(bound).submit({"q1": [SystemMessage("Be kind."), HumanMessage("Hi")]})
    schema = {"properties": {"city": {"type": "string"}}, "required": ["city"], "type": "object"}
    (line,) = lines(sandbox)
    assert line.pop("body") == {
        "model": "qwen-plus",
        "messages": [{"role": "system", "content": "Be kind."}, *said("Hi")],
        "temperature": 0.75,
        "top_p": 0.25,
        "stop": ["bound"],
        "seed": 3,
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "Say what the weather is.", "parameters": schema},
            }
        ],
        "enable_search": False,
        "top_k": 7,
    }
    assert line == {"custom_id": "q1", "method": "POST", "url": CHAT}


@pytest.mark.parametrize("protocol_word", ["stream", "stream_options"])
def test_a_bound_stream_is_not_sent(llm: ChatQwenWorkspace, sandbox: Sandbox, protocol_word: str) -> None:
    QwenWorkspaceBatch(llm.bind(stream=True, stream_usage=True)).submit(["Hi"])
    assert protocol_word not in lines(sandbox)[0]["body"]


def test_a_bound_model_is_the_one_that_is_asked(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    batch = QwenWorkspaceBatch(llm.bind(model="batch-test-model"))
    batch_id = batch.submit(["Hi"])
    assert lines(sandbox) == [
        {
            "custom_id": "0",
            "method": "POST",
            "url": "/v1/chat/ds-test",
            "body": {"model": "batch-test-model", "messages": said("Hi")},
        }
    ]
    assert sandbox.requests[1].body["endpoint"] == "/v1/chat/ds-test"
    batch.wait(batch_id, poll_interval=0.01)
    assert batch.results(batch_id).outputs["0"].response_metadata["model_name"] == "batch-test-model"


def test_embedding_lines_have_one_text_each(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=64, workspace=workspace, chunk_size=5)
    batch = QwenWorkspaceBatch(embeddings)
    batch_id = batch.submit({"a": "one", "b": "two"})
    assert lines(sandbox) == [
        {
            "custom_id": custom_id,
            "method": "POST",
            "url": "/v1/embeddings",
            "body": {"model": "text-embedding-v4", "input": [text], "encoding_format": "float", "dimensions": 64},
        }
        for custom_id, text in (("a", "one"), ("b", "two"))
    ]
    assert sandbox.requests[1].body["endpoint"] == "/v1/embeddings"
    batch.wait(batch_id, poll_interval=0.01)
    results = batch.results(batch_id)
    assert results.outputs == {"a": embeddings.embed_query("one"), "b": embeddings.embed_query("two")}
    assert [each.usage_metadata for each in batch.lazy_results(batch_id)] == [
        {"input_tokens": 1, "output_tokens": 0, "total_tokens": 1}
    ] * 2


@pytest.mark.parametrize(
    ("inputs", "ids"),
    [
        ({"b": "one", "a": "two"}, ["b", "a"]),
        (["one", "two"], ["0", "1"]),
        (("one", "two"), ["0", "1"]),
        ((each for each in ("one", "two")), ["0", "1"]),
        ([[HumanMessage("one")], [("human", "two")]], ["0", "1"]),
        ((ChatPromptTemplate([("human", "{n}")]).invoke({"n": n}) for n in ("one", "two")), ["0", "1"]),
    ],
    ids=["mapping", "list", "tuple", "generator", "messages", "prompts"],
)
def test_inputs_are_sent_in_order_by_their_ids_or_positions(
    llm: ChatQwenWorkspace, sandbox: Sandbox, inputs: Mapping[str, Any] | Iterable[Any], ids: list[str]
) -> None:
    QwenWorkspaceBatch(llm).submit(inputs)
    assert [(line["custom_id"], line["body"]["messages"]) for line in lines(sandbox)] == [
        (ids[0], said("one")),
        (ids[1], said("two")),
    ]


def test_any_text_comes_back_as_it_was_sent(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    texts = {"\u2028": "a\u2028b\u2029c", "🐟": "西湖 🐟\r\n", "a\nb": "x\x85y\x0cz", '"': "\\n\x00"}
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(texts)
    assert {line["custom_id"]: line["body"]["messages"] for line in lines(sandbox)} == {
        custom_id: said(text) for custom_id, text in texts.items()
    }
    batch.wait(batch_id, poll_interval=0.01)
    # The sandbox repeats what it was told.
    assert {custom_id: output.text for custom_id, output in batch.results(batch_id).outputs.items()} == {
        custom_id: f'This is the Model Studio sandbox, not a language model. You said: "{text}"'
        for custom_id, text in texts.items()
    }


# ---------------------------------------------------------------------------------------------------------- limits


def refused(
    batch: QwenWorkspaceBatch[Any], inputs: Any, sandbox: Sandbox, kind: type[Exception] = UnsupportedInputError
) -> str:
    """Return why inputs cannot be sent, once it is sure that nothing was."""
    with pytest.raises(kind) as caught:
        batch.submit(inputs)
    assert sent(sandbox) == []
    return str(caught.value)


def test_too_many_inputs_are_refused(llm: ChatQwenWorkspace, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_LINES", 3)
    batch = QwenWorkspaceBatch(llm)
    rest = iter(map(str, range(9)))
    told = refused(batch, rest, sandbox)
    assert told.startswith("With input '3' the batch has 4 inputs; the service takes 3. Nothing was sent: ")
    assert next(rest) == "4"
    batch.submit(["a", "b", "c"])
    assert len(lines(sandbox)) == 3


def test_a_line_that_is_too_long_is_refused(
    llm: ChatQwenWorkspace, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = len(wire.write_line("a", llm._prepare([HumanMessage("西")], None, {}, stream=False)[1], CHAT))
    monkeypatch.setattr(wire, "MAX_LINE_BYTES", one)
    batch = QwenWorkspaceBatch(llm)
    told = refused(batch, {"b": "ab", "a": "西a"}, sandbox)
    assert told.startswith(f"With input 'a' the batch has {one + 1} bytes in one line; the service takes {one}.")
    batch.submit({"a": "西"})
    assert len(uploaded(sandbox)) == one


def test_a_line_of_more_than_six_mebibytes_is_refused(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    told = refused(QwenWorkspaceBatch(llm), {"ok": "Hi", "long": "a" * 6 * 1024 * 1024}, sandbox)
    assert re.match(r"With input 'long' the batch has 62915\d\d bytes in one line; the service takes 6291456\.", told)


def test_a_file_that_is_too_large_is_refused(
    llm: ChatQwenWorkspace, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = len(wire.write_line("0", llm._prepare([HumanMessage("a")], None, {}, stream=False)[1], CHAT))
    monkeypatch.setattr(wire, "MAX_FILE_BYTES", 2 * one)
    batch = QwenWorkspaceBatch(llm)
    told = refused(batch, ["a", "ab"], sandbox)
    assert told.startswith(f"With input '1' the batch has {2 * one + 1} bytes; the service takes {2 * one}.")
    batch.submit(["a", "b"])
    assert len(uploaded(sandbox)) == 2 * one


@pytest.mark.parametrize("inputs", [[], (), {}, iter(())], ids=["list", "tuple", "mapping", "iterator"])
def test_no_inputs_are_refused(llm: ChatQwenWorkspace, sandbox: Sandbox, inputs: Any) -> None:
    assert refused(QwenWorkspaceBatch(llm), inputs, sandbox) == "There are no inputs. Expected at least one."


@pytest.mark.parametrize("custom_id", ["", None, 0, 1, b"a", ("a",)], ids=repr)
def test_an_id_is_a_string_that_is_not_empty(llm: ChatQwenWorkspace, sandbox: Sandbox, custom_id: Any) -> None:
    told = refused(QwenWorkspaceBatch(llm), {"a": "Hi", custom_id: "Hi"}, sandbox)
    assert told == f"The id {custom_id!r} is none. Expected a string that is not empty."


def test_one_string_is_not_a_list_of_characters(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    told = refused(QwenWorkspaceBatch(llm), "Where is the Bund?", sandbox)
    assert told == "The inputs are of type `str`. Expected a list or a mapping."


@pytest.mark.parametrize("text", [5, None, "", b"a", ["a"], "\ud800"], ids=ascii)
def test_a_text_that_is_none_is_named_wherever_it_comes(workspace: QwenWorkspace, sandbox: Sandbox, text: Any) -> None:
    batch = QwenWorkspaceBatch(QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace))
    assert refused(batch, (each for each in ("a", "b", text, "c")), sandbox).startswith("Input '2' ")
    assert refused(batch, {"x": "a", "y": text}, sandbox).startswith("Input 'y' ")


def test_a_text_with_too_many_tokens_is_refused(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
    batch = QwenWorkspaceBatch(QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace))
    told = refused(batch, ["a", "word " * 9000], sandbox, ContextLengthError)
    assert re.match(r"Input '1' has \d+ tokens, but 'text-embedding-v4' takes at most 8192 per text\.", told)


@pytest.mark.parametrize(
    ("model", "bound"),
    [("qvq-max", {}), ("qwq-plus", {}), ("qwen3-8b", {}), ("qwen3-8b", {"enable_thinking": True})],
)
def test_a_model_that_only_streams_is_refused(
    workspace: QwenWorkspace, sandbox: Sandbox, model: str, bound: dict[str, Any]
) -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model=model, workspace=workspace).bind(**bound))
    told = refused(batch, {"q1": "Hi"}, sandbox)
    assert told.startswith(f"Input 'q1' would have to be streamed, as {model!r} answers it no other way, ")


def test_a_model_that_thinks_only_if_told_so_is_batched(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
    llm = ChatQwenWorkspace(model="qwen3-8b", workspace=workspace, enable_thinking=False)
    QwenWorkspaceBatch(llm).submit(["Hi"])
    assert lines(sandbox)[0]["body"] == {"model": "qwen3-8b", "messages": said("Hi"), "enable_thinking": False}


@pytest.mark.parametrize("way", ["field", "bound", "extra_body"])
def test_several_answers_to_one_input_are_refused(workspace: QwenWorkspace, sandbox: Sandbox, way: str) -> None:
    ways: dict[str, dict[str, Any]] = {"field": {"n": 2}, "bound": {}, "extra_body": {"extra_body": {"n": 2}}}
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace, **ways[way])
    batch = QwenWorkspaceBatch(llm.bind(n=2) if way == "bound" else llm)
    told = refused(batch, ["Hi"], sandbox)
    assert told == "Input '0' asks for 2 answers. A batch has one for each input."


UNREADABLE: dict[str, Any] = {"number": 5, "none": None, "half a character": "\ud800", "message": HumanMessage("Hi")}


@pytest.mark.parametrize("given", UNREADABLE.values(), ids=UNREADABLE)
def test_a_conversation_that_is_none_is_named(llm: ChatQwenWorkspace, sandbox: Sandbox, given: Any) -> None:
    assert "'q2'" in refused(QwenWorkspaceBatch(llm), {"q1": "Hi", "q2": given}, sandbox)


@pytest.mark.parametrize("given", [[], [{"role": "user", "content": [{"type": "zorro"}]}]], ids=["empty", "block"])
def test_a_conversation_that_cannot_be_sent_is_named(llm: ChatQwenWorkspace, sandbox: Sandbox, given: Any) -> None:
    assert "'q2'" in refused(QwenWorkspaceBatch(llm), {"q1": "Hi", "q2": given}, sandbox)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, b"a"], ids=repr)
def test_a_parameter_that_is_no_json_is_refused_as_by_a_call(
    llm: ChatQwenWorkspace, sandbox: Sandbox, value: Any
) -> None:
    refused(QwenWorkspaceBatch(llm.bind(extra_body={"zorro": value})), ["Hi"], sandbox)


def test_an_id_that_is_no_text_is_refused(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    refused(QwenWorkspaceBatch(llm), {"\ud800": "Hi"}, sandbox)


@pytest.mark.parametrize("inputs", [None, 5], ids=repr)
def test_inputs_that_are_none_are_refused(llm: ChatQwenWorkspace, sandbox: Sandbox, inputs: Any) -> None:
    refused(QwenWorkspaceBatch(llm), inputs, sandbox)


# ----------------------------------------------------------------------------------------------------- construction


@pytest.mark.parametrize(
    "window", ["23h", "337h", "0h", "0d", "15d", "24", "", "h", "1w", "24H", " 24h", "24h\n", "-24h"]
)
def test_a_window_that_the_service_does_not_have_is_refused(llm: ChatQwenWorkspace, window: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        QwenWorkspaceBatch(llm, completion_window=window)
    assert caught.value.message == (
        f'`completion_window` is {window!r}. Expected `"24h"` to `"336h"`, or `"1d"` to `"14d"`.'
    )


def test_the_native_protocol_has_no_batches(workspace: QwenWorkspace) -> None:
    for component in (
        ChatQwenWorkspace(model="qwen-plus", workspace=workspace, protocol="dashscope"),
        ChatQwenWorkspace(model="qwen-plus", workspace=workspace, protocol="dashscope").bind(seed=1),
        QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace, protocol="dashscope"),
    ):
        with pytest.raises(ConfigurationError, match='the model has `protocol="dashscope"`: use `protocol="openai"`'):
            QwenWorkspaceBatch(component)


def test_what_is_no_component_of_ours_is_refused(llm: ChatQwenWorkspace) -> None:
    strangers: list[Any] = [
        None,
        "qwen-plus",
        ChatQwenWorkspace,
        llm | StrOutputParser(),
        llm.with_retry(),
        StrOutputParser().bind(a=1),
    ]
    for stranger in strangers:
        with pytest.raises(ConfigurationError, match=r"^A batch is made of `ChatQwenWorkspace`"):
            QwenWorkspaceBatch(stranger)


def test_the_key_is_nowhere_to_be_read(llm: ChatQwenWorkspace, workspace: QwenWorkspace, sandbox: Sandbox) -> None:
    assert isinstance(workspace.api_key, SecretStr)
    key = workspace.api_key.get_secret_value()
    assert key.startswith("sk-sandbox-")
    batch = QwenWorkspaceBatch(llm.bind(seed=1))
    told = [repr(batch), str(batch), repr(vars(batch)), repr(vars(batch._lines))]
    sandbox.fail_next(status=401, code="InvalidApiKey")
    for wrong in (lambda: batch.submit(["Hi"]), lambda: batch.submit([]), lambda: batch.status("batch_1")):
        with pytest.raises(QwenWorkspaceError) as caught:
            wrong()
        told += [str(caught.value), repr(caught.value), repr(vars(caught.value))]
    batch_id = batch.submit(["Hi"])
    told += [repr(batch.wait(batch_id, poll_interval=0.01)), repr(batch.results(batch_id))]
    assert [text for text in told if key in text] == []
    assert [request for request in sandbox.requests if key in str(request.body)] == []
