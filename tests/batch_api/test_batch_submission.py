"""Submitting batches to the sandbox: which requests are sent, and what is refused before anything is sent."""

import json
import re
from collections.abc import Iterable, Mapping
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


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return city


def uploaded_file(sandbox: Sandbox) -> bytes:
    """Return the content of the only file that was uploaded."""
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
    """Return the lines of the file that was uploaded, parsed."""
    *found, end = uploaded_file(sandbox).split(b"\n")
    assert end == b""
    return [json.loads(line) for line in found]


def sent_requests(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in sandbox.requests]


def user_message(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


# ----------------------------------------------------------------------------------------------------------- lines


def test_submit_sends_one_upload_and_one_create_request(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    batch_id = QwenWorkspaceBatch(llm).submit({"q1": "Hi"})
    assert batch_id.startswith("batch_")
    assert sent_requests(sandbox) == [("POST", FILES), ("POST", BATCHES)]
    assert uploaded_file(sandbox) == (
        b'{"custom_id":"q1","method":"POST","url":"/v1/chat/completions",'
        b'"body":{"model":"qwen-plus","messages":[{"role":"user","content":"Hi"}]}}\n'
    )
    file_id = sandbox.requests[1].body["input_file_id"]
    assert file_id.startswith("file-batch-")
    assert sandbox.requests[1].body == {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}


@pytest.mark.parametrize("window", ["24h", "25h", "336h", "1d", "14d"])
def test_window_and_name_are_sent_in_the_create_request(llm: ChatQwenWorkspace, sandbox: Sandbox, window: str) -> None:
    QwenWorkspaceBatch(llm, completion_window=window, name="测试任务").submit(["Hi"])
    created = sandbox.requests[1].body
    assert (created["completion_window"], created["metadata"]) == (window, {"ds_name": "测试任务"})


def test_chat_lines_have_the_models_parameters_and_the_bound_ones(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
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
    bound: Any = llm.bind_tools([get_weather]).bind(temperature=0.75, stop=["bound"], seed=3)
    QwenWorkspaceBatch(bound).submit({"q1": [SystemMessage("Be kind."), HumanMessage("Hi")]})
    schema = {"properties": {"city": {"type": "string"}}, "required": ["city"], "type": "object"}
    (line,) = lines(sandbox)
    assert line.pop("body") == {
        "model": "qwen-plus",
        "messages": [{"role": "system", "content": "Be kind."}, *user_message("Hi")],
        "temperature": 0.75,
        "top_p": 0.25,
        "stop": ["bound"],
        "seed": 3,
        "tools": [
            {
                "type": "function",
                "function": {"name": "get_weather", "description": "Tell the weather of a city.", "parameters": schema},
            }
        ],
        "enable_search": False,
        "top_k": 7,
    }
    assert line == {"custom_id": "q1", "method": "POST", "url": CHAT}


@pytest.mark.parametrize("parameter", ["stream", "stream_options"])
def test_bound_stream_options_are_not_sent(llm: ChatQwenWorkspace, sandbox: Sandbox, parameter: str) -> None:
    QwenWorkspaceBatch(llm.bind(stream=True, stream_usage=True)).submit(["Hi"])
    assert parameter not in lines(sandbox)[0]["body"]


def test_a_bound_model_name_is_the_one_that_is_called(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    batch = QwenWorkspaceBatch(llm.bind(model="batch-test-model"))
    batch_id = batch.submit(["Hi"])
    assert lines(sandbox) == [
        {
            "custom_id": "0",
            "method": "POST",
            "url": "/v1/chat/ds-test",
            "body": {"model": "batch-test-model", "messages": user_message("Hi")},
        }
    ]
    assert sandbox.requests[1].body["endpoint"] == "/v1/chat/ds-test"
    batch.wait(batch_id, poll_interval=0.01)
    assert batch.results(batch_id).outputs["0"].response_metadata["model_name"] == "batch-test-model"


def test_each_embedding_line_has_one_text(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
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
def test_inputs_are_sent_in_order_with_their_ids_or_positions(
    llm: ChatQwenWorkspace, sandbox: Sandbox, inputs: Mapping[str, Any] | Iterable[Any], ids: list[str]
) -> None:
    QwenWorkspaceBatch(llm).submit(inputs)
    assert [(line["custom_id"], line["body"]["messages"]) for line in lines(sandbox)] == [
        (ids[0], user_message("one")),
        (ids[1], user_message("two")),
    ]


def test_any_text_is_returned_as_it_was_sent(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    texts = {"\u2028": "a\u2028b\u2029c", "🐟": "西湖 🐟\r\n", "a\nb": "x\x85y\x0cz", '"': "\\n\x00"}
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(texts)
    assert {line["custom_id"]: line["body"]["messages"] for line in lines(sandbox)} == {
        custom_id: user_message(text) for custom_id, text in texts.items()
    }
    batch.wait(batch_id, poll_interval=0.01)
    # The sandbox repeats the prompt.
    assert {custom_id: output.text for custom_id, output in batch.results(batch_id).outputs.items()} == {
        custom_id: f'This is the Model Studio sandbox, not a language model. You said: "{text}"'
        for custom_id, text in texts.items()
    }


# ---------------------------------------------------------------------------------------------------------- limits


def refusal_of(
    batch: QwenWorkspaceBatch[Any], inputs: Any, sandbox: Sandbox, kind: type[Exception] = UnsupportedInputError
) -> str:
    """Return the message of the error that inputs are refused with, after checking that nothing was sent."""
    with pytest.raises(kind) as caught:
        batch.submit(inputs)
    assert sent_requests(sandbox) == []
    return str(caught.value)


def test_too_many_inputs_are_refused(llm: ChatQwenWorkspace, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_LINES", 3)
    batch = QwenWorkspaceBatch(llm)
    rest = iter(map(str, range(9)))
    message = refusal_of(batch, rest, sandbox)
    assert message.startswith("With input '3' the batch has 4 inputs; the service accepts at most 3. Nothing was sent")
    assert next(rest) == "4"
    batch.submit(["a", "b", "c"])
    assert len(lines(sandbox)) == 3


def test_a_line_above_the_size_limit_is_refused(
    llm: ChatQwenWorkspace, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = len(wire.write_line("a", llm._prepare([HumanMessage("西")], None, {}, stream=False)[1], CHAT))
    monkeypatch.setattr(wire, "MAX_LINE_BYTES", one)
    batch = QwenWorkspaceBatch(llm)
    message = refusal_of(batch, {"b": "ab", "a": "西a"}, sandbox)
    assert message.startswith(f"With input 'a' the batch has {one + 1} bytes in one line; the service accepts at most ")
    batch.submit({"a": "西"})
    assert len(uploaded_file(sandbox)) == one


def test_a_line_of_more_than_six_mebibytes_is_refused(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    message = refusal_of(QwenWorkspaceBatch(llm), {"ok": "Hi", "long": "a" * 6 * 1024 * 1024}, sandbox)
    assert re.match(r"With input 'long' the batch has 62915\d\d bytes in one line; the service accepts", message)


def test_a_file_above_the_size_limit_is_refused(
    llm: ChatQwenWorkspace, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = len(wire.write_line("0", llm._prepare([HumanMessage("a")], None, {}, stream=False)[1], CHAT))
    monkeypatch.setattr(wire, "MAX_FILE_BYTES", 2 * one)
    batch = QwenWorkspaceBatch(llm)
    message = refusal_of(batch, ["a", "ab"], sandbox)
    assert message.startswith(f"With input '1' the batch has {2 * one + 1} bytes; the service accepts at most")
    batch.submit(["a", "b"])
    assert len(uploaded_file(sandbox)) == 2 * one


@pytest.mark.parametrize("inputs", [[], (), {}, iter(())], ids=["list", "tuple", "mapping", "iterator"])
def test_an_empty_batch_is_refused(llm: ChatQwenWorkspace, sandbox: Sandbox, inputs: Any) -> None:
    assert refusal_of(QwenWorkspaceBatch(llm), inputs, sandbox) == "There are no inputs. Expected at least one."


@pytest.mark.parametrize("custom_id", ["", None, 0, 1, b"a", ("a",)], ids=repr)
def test_an_input_id_must_be_a_non_empty_string(llm: ChatQwenWorkspace, sandbox: Sandbox, custom_id: Any) -> None:
    message = refusal_of(QwenWorkspaceBatch(llm), {"a": "Hi", custom_id: "Hi"}, sandbox)
    assert message == f"Batch input id {custom_id!r} is not a valid id; expected a non-empty string."


def test_a_single_string_is_refused_as_inputs(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    message = refusal_of(QwenWorkspaceBatch(llm), "Where is the Bund?", sandbox)
    assert message == "The inputs are of type `str`. Expected a list or a mapping."


@pytest.mark.parametrize("text", [5, None, "", b"a", ["a"], "\ud800"], ids=ascii)
def test_the_error_names_an_input_that_is_not_a_text(workspace: QwenWorkspace, sandbox: Sandbox, text: Any) -> None:
    batch = QwenWorkspaceBatch(QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace))
    assert refusal_of(batch, (each for each in ("a", "b", text, "c")), sandbox).startswith("Input '2' ")
    assert refusal_of(batch, {"x": "a", "y": text}, sandbox).startswith("Input 'y' ")


def test_a_text_above_the_token_limit_is_refused(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
    batch = QwenWorkspaceBatch(QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace))
    message = refusal_of(batch, ["a", "word " * 9000], sandbox, ContextLengthError)
    assert re.match(r"Input '1' has \d+ tokens, but 'text-embedding-v4' takes at most 8192 per text\.", message)


@pytest.mark.parametrize(
    ("model", "bound"),
    [("qvq-max", {}), ("qwq-plus", {}), ("qwen3-8b", {}), ("qwen3-8b", {"enable_thinking": True})],
)
def test_a_model_that_only_streams_is_refused(
    workspace: QwenWorkspace, sandbox: Sandbox, model: str, bound: dict[str, Any]
) -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model=model, workspace=workspace).bind(**bound))
    message = refusal_of(batch, {"q1": "Hi"}, sandbox)
    assert message.startswith(f"Input 'q1' cannot be sent: {model!r} only streams its answers, ")


def test_a_model_with_thinking_disabled_is_accepted(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
    llm = ChatQwenWorkspace(model="qwen3-8b", workspace=workspace, enable_thinking=False)
    QwenWorkspaceBatch(llm).submit(["Hi"])
    assert lines(sandbox)[0]["body"] == {"model": "qwen3-8b", "messages": user_message("Hi"), "enable_thinking": False}


@pytest.mark.parametrize("way", ["field", "bound", "extra_body"])
def test_more_than_one_answer_for_an_input_is_refused(workspace: QwenWorkspace, sandbox: Sandbox, way: str) -> None:
    ways: dict[str, dict[str, Any]] = {"field": {"n": 2}, "bound": {}, "extra_body": {"extra_body": {"n": 2}}}
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace, **ways[way])
    batch = QwenWorkspaceBatch(llm.bind(n=2) if way == "bound" else llm)
    message = refusal_of(batch, ["Hi"], sandbox)
    assert message == "Input '0' has `n=2`. The Batch API returns one answer for each input: remove `n`."


NOT_A_CONVERSATION: dict[str, Any] = {
    "number": 5,
    "None": None,
    "lone surrogate": "\ud800",
    "message": HumanMessage("Hi"),
}


@pytest.mark.parametrize("given", NOT_A_CONVERSATION.values(), ids=NOT_A_CONVERSATION)
def test_the_error_names_an_input_of_a_wrong_type(llm: ChatQwenWorkspace, sandbox: Sandbox, given: Any) -> None:
    assert "'q2'" in refusal_of(QwenWorkspaceBatch(llm), {"q1": "Hi", "q2": given}, sandbox)


@pytest.mark.parametrize("given", [[], [{"role": "user", "content": [{"type": "zorro"}]}]], ids=["empty", "block"])
def test_the_error_names_an_input_that_cannot_be_sent(llm: ChatQwenWorkspace, sandbox: Sandbox, given: Any) -> None:
    assert "'q2'" in refusal_of(QwenWorkspaceBatch(llm), {"q1": "Hi", "q2": given}, sandbox)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, b"a"], ids=repr)
def test_a_parameter_that_is_not_valid_json_is_refused(llm: ChatQwenWorkspace, sandbox: Sandbox, value: Any) -> None:
    refusal_of(QwenWorkspaceBatch(llm.bind(extra_body={"zorro": value})), ["Hi"], sandbox)


def test_an_input_id_that_is_not_valid_unicode_is_refused(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    refusal_of(QwenWorkspaceBatch(llm), {"\ud800": "Hi"}, sandbox)


@pytest.mark.parametrize("inputs", [None, 5], ids=repr)
def test_inputs_that_are_not_iterable_are_refused(llm: ChatQwenWorkspace, sandbox: Sandbox, inputs: Any) -> None:
    refusal_of(QwenWorkspaceBatch(llm), inputs, sandbox)


# ----------------------------------------------------------------------------------------------------- construction


@pytest.mark.parametrize(
    "window", ["23h", "337h", "0h", "0d", "15d", "24", "", "h", "1w", "24H", " 24h", "24h\n", "-24h"]
)
def test_a_completion_window_that_is_not_valid_is_refused(llm: ChatQwenWorkspace, window: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        QwenWorkspaceBatch(llm, completion_window=window)
    assert caught.value.message == (
        f'`completion_window` is {window!r}. Expected `"24h"` to `"336h"`, or `"1d"` to `"14d"`.'
    )


def test_a_component_of_a_protocol_without_a_batch_api_is_refused(workspace: QwenWorkspace) -> None:
    for component in (
        ChatQwenWorkspace(model="qwen-plus", workspace=workspace, protocol="dashscope"),
        ChatQwenWorkspace(model="qwen-plus", workspace=workspace, protocol="dashscope").bind(seed=1),
        QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace, protocol="dashscope"),
    ):
        with pytest.raises(ConfigurationError, match='`protocol="dashscope"` has no Batch API'):
            QwenWorkspaceBatch(component)


def test_anything_but_a_chat_model_or_embeddings_is_refused(llm: ChatQwenWorkspace) -> None:
    others: list[Any] = [
        None,
        "qwen-plus",
        ChatQwenWorkspace,
        llm | StrOutputParser(),
        llm.with_retry(),
        StrOutputParser().bind(a=1),
    ]
    for other in others:
        with pytest.raises(ConfigurationError, match=r"Expected a `ChatQwenWorkspace`"):
            QwenWorkspaceBatch(other)


def test_the_api_key_is_in_no_repr_error_or_body(
    llm: ChatQwenWorkspace, workspace: QwenWorkspace, sandbox: Sandbox
) -> None:
    assert isinstance(workspace.api_key, SecretStr)
    key = workspace.api_key.get_secret_value()
    assert key.startswith("sk-sandbox-")
    batch = QwenWorkspaceBatch(llm.bind(seed=1))
    shown = [repr(batch), str(batch), repr(vars(batch)), repr(vars(batch._codec))]
    sandbox.fail_next(status=401, code="InvalidApiKey")
    for wrong in (lambda: batch.submit(["Hi"]), lambda: batch.submit([]), lambda: batch.status("batch_1")):
        with pytest.raises(QwenWorkspaceError) as caught:
            wrong()
        shown += [str(caught.value), repr(caught.value), repr(vars(caught.value))]
    batch_id = batch.submit(["Hi"])
    shown += [repr(batch.wait(batch_id, poll_interval=0.01)), repr(batch.results(batch_id))]
    assert [text for text in shown if key in text] == []
    assert [request for request in sandbox.requests if key in str(request.body)] == []
