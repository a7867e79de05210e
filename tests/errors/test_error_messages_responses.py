"""What errors say, word for word, about answers that are not the protocol's, and about addresses that lead nowhere."""

from collections.abc import Callable
from typing import Any

import pytest

from langchain_qwen_workspace._seam import (
    SERVED_BY,
    Destination,
    EmbeddingCall,
    Json,
    ProtocolName,
    RerankCall,
    VectorKind,
)
from langchain_qwen_workspace._wire._arguments import parsed_arguments
from langchain_qwen_workspace._wire.batches import read_line
from langchain_qwen_workspace._wire.embeddings import DashScopeEmbeddingWire, OpenAIEmbeddingWire
from langchain_qwen_workspace._wire.rerank import OpenAIRerankWire
from langchain_qwen_workspace._workspace.endpoints import (
    EndpointKind,
    is_loopback,
    locate,
    origin,
    region_id,
    with_path,
    workspace_label,
)
from langchain_qwen_workspace.errors import (
    ConfigurationError,
    InvalidResponseError,
    QwenWorkspaceError,
    StreamInterruptedError,
    UnsupportedInputError,
)
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden._reading import request_of, wire_of

ID = "req-1"


def embedding(protocol: ProtocolName, *inputs: Any, kind: VectorKind = "dense", **given: Any) -> EmbeddingCall:
    return EmbeddingCall(
        model="text-embedding-v9",
        inputs=inputs,
        text_type="document",
        kind=kind,
        profile=profile_of("text-embedding-v9"),
        destination=Destination(protocol, "cn-beijing", "llm-1"),
        **given,
    )


def place(error: QwenWorkspaceError) -> tuple[Any, ...]:
    return error.request_id, error.model, error.protocol, error.region, error.workspace_id


# -------------------------------------------------------------------------------------------------------- embeddings


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (embedding("openai", "a", kind="sparse"), "`output_type` 'sparse'"),
        (embedding("openai", "a", instruct="Find it."), "`instruct`"),
        (embedding("openai", ({"image": "https://a.example/1.png"},)), "Embedding of images and videos"),
    ],
)
def test_what_only_the_native_protocol_embeds_is_told_whole(call: EmbeddingCall, what: str) -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        OpenAIEmbeddingWire.encode(call)

    assert caught.value.message == f'{what} exists only on the native protocol: use `protocol="dashscope"`.'
    assert (caught.value.model, caught.value.protocol) == ("text-embedding-v9", "openai")


def row(index: Any, vector: Any) -> Json:
    return {"index": index, "embedding": vector}


DENSE: list[tuple[Any, Json, str]] = [
    (None, {}, "it has no list of vectors"),
    ([row(0, [1.0]), 5], {}, "it has no list of vectors"),
    ([row(0, [1.0])], {}, "its 1 rows are for the positions [0]"),
    ([row(0, [1.0]), row(7, [1.0])], {}, "its 2 rows are for the positions [0, 7]"),
    ([row(place, [1.0]) for place in (0, 3, True, 1)], {}, "its 4 rows are for the positions [0, 3, True]"),
    ([row(0, [1.0]), row(1, {"a": 1})], {}, "a vector is {'a': 1}"),
    ([row(0, [1.0]), row(1, [])], {}, "a vector is empty or has numbers that are not finite"),
    ([row(0, [1.0]), row(1, [True])], {}, "a vector has a truth value among its numbers"),
    ([row(0, [1.0]), row(1, "%")], {}, "Only base64 data is allowed"),
    ([row(0, [1.0]), row(1, [1.0, 2.0])], {}, "its vectors have 1, 2 components"),
    ([row(0, [1.0]), row(1, [1.0])], {"dimensions": 2}, "its vectors have 1 components and not 2"),
]


@pytest.mark.parametrize(("rows", "asked", "told"), DENSE, ids=[told for *_, told in DENSE])
def test_vectors_that_do_not_fit_are_told_whole(rows: Any, asked: Json, told: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        OpenAIEmbeddingWire.decode({"data": rows, "request_id": ID}, embedding("openai", "a", "b", **asked))

    assert caught.value.message == (
        f"The answer does not fit the 2 inputs that were sent: {told}. Expected one vector of finite numbers for each."
    )
    assert place(caught.value) == (ID, "text-embedding-v9", "openai", "cn-beijing", "llm-1")


SPARSE: list[tuple[Any, str]] = [
    ({"a": "x" * 90}, f"a sparse vector is {{'a': '{'x' * 73}"),
    ([{"index": 1, "value": 1.0}] * 2, "a sparse vector has a place twice, or one that is no place"),
    ([{"index": 1, "value": float("inf")}], "a sparse vector has numbers that are not finite"),
]


@pytest.mark.parametrize(("rows", "told"), SPARSE, ids=[told[:40] for _, told in SPARSE])
def test_a_sparse_vector_that_does_not_fit_is_told_whole(rows: Any, told: str) -> None:
    body = {"output": {"embeddings": [{"text_index": 0, "sparse_embedding": rows}]}, "request_id": ID}

    with pytest.raises(InvalidResponseError) as caught:
        DashScopeEmbeddingWire.decode(body, embedding("dashscope", "a", kind="sparse"))

    assert caught.value.message == (
        f"The answer does not fit the 1 inputs that were sent: {told}. Expected one vector of finite numbers for each."
    )


def test_the_first_place_of_a_sparse_vector_is_one() -> None:
    rows = [{"index": 0, "value": 0.5, "token": "a"}]
    body = {"output": {"embeddings": [{"text_index": 0, "sparse_embedding": rows}]}}

    answer = DashScopeEmbeddingWire.decode(body, embedding("dashscope", "a", kind="sparse"))

    assert answer.sparse[0].to_dict() == {0: 0.5}


@pytest.mark.parametrize("wire", [OpenAIEmbeddingWire, DashScopeEmbeddingWire])
def test_a_request_for_vectors_names_its_model_and_who_answers(wire: Any) -> None:
    call = embedding("openai", "a")

    request = wire.encode(call)

    assert request.error_context == {
        "model": "text-embedding-v9",
        "protocol": "openai",
        "region": "cn-beijing",
        "workspace_id": "llm-1",
    }


# ------------------------------------------------------------------------------------------------------------ ranking


def ranked(index: Any, score: Any = 1) -> Json:
    return {"index": index, "relevance_score": score}


@pytest.mark.parametrize(
    ("results", "top_n", "told"),
    [
        ([ranked(0), ranked(5), ranked(1, None), ranked(2), ranked(2)], None, "[0, 5, -1, 2]. Expected 3"),
        ([ranked(0), ranked(1), ranked(2, 10**400)], None, "[0, 1, -1]. Expected 3"),
        ([], 2, "[]. Expected 2"),
        (None, None, "[]. Expected 3"),
    ],
)
def test_a_ranking_that_does_not_fit_is_told_whole(results: Any, top_n: int | None, told: str) -> None:
    origin = Destination("openai", "cn-beijing", "llm-1")
    call = RerankCall(model="qwen3-rerank", query="q", documents=["a", "b", "c"], top_n=top_n, destination=origin)

    with pytest.raises(InvalidResponseError) as caught:
        OpenAIRerankWire.decode({"results": results, "request_id": ID}, call)

    assert caught.value.message == (
        f"The ranking does not fit the 3 documents that were sent: it has the positions {told} different ones, each "
        "with a finite score."
    )
    assert place(caught.value) == (ID, "qwen3-rerank", "openai", "cn-beijing", "llm-1")


def test_vectors_and_rankings_name_who_gave_them() -> None:
    other = Destination("openai", "cn-beijing", "llm-other")
    asked = Destination("openai", "cn-beijing", "llm-1")
    call = RerankCall(model="qwen3-rerank", query="q", documents=["a"], destination=asked)
    ranking: Json = {"results": [ranked(0)]}
    vectors: Json = {"data": [row(0, [1.0])]}

    assert OpenAIRerankWire.decode(ranking, call).destination == asked
    assert OpenAIRerankWire.decode({**ranking, SERVED_BY: other}, call).destination == other
    assert OpenAIEmbeddingWire.decode(vectors, embedding("openai", "a")).destination == asked
    assert OpenAIEmbeddingWire.decode({**vectors, SERVED_BY: other}, embedding("openai", "a")).destination == other


# ------------------------------------------------------------------------------------------------------------ batches


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"[]", "TypeError('list indices must be integers or slices, not str'): b'[]'"),
        (b'{"custom_id": 5}', "TypeError('`custom_id` is no string'): b'{\"custom_id\": 5}'"),
        (b"{}" + b" " * 300, "KeyError('custom_id'): b'{}" + " " * 198 + "'"),
    ],
    ids=["a list", "a number", "long"],
)
def test_a_line_that_cannot_be_read_is_told_whole(line: bytes, why: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        read_line(line, model="qwen-plus", destination=Destination("openai", "cn-beijing", "llm-1"))

    assert caught.value.message == f"A line of the batch's answers cannot be read: {why}."
    assert place(caught.value) == (None, "qwen-plus", "openai", "cn-beijing", "llm-1")


def test_a_refused_line_is_told_by_the_message_that_it_has() -> None:
    line = b'{"custom_id": "a", "response": {"status_code": 400, "body": {"message": "No."}}}'
    read = read_line(line, model="qwen-plus", destination=Destination("openai", "cn-beijing", "llm-1"))
    assert (read.body, read.error and read.error.message) == (None, "No.")


# --------------------------------------------------------------------------------------------------------------- chat

SHAPES: list[tuple[Json, str]] = [
    ({"choices": [5]}, "AttributeError: 'int' object has no attribute 'get'"),
    ({"choices": [{"delta": {"content": "a", "audio": "x"}}]}, "TypeError: `audio` is str"),
    ({"choices": [{"delta": {"reasoning_content": ["x"]}}]}, "TypeError: `reasoning_content` is list"),
]


@pytest.mark.parametrize(("body", "why"), SHAPES, ids=[why for _, why in SHAPES])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_an_answer_of_another_shape_is_told_whole(body: Json, why: str, streamed: bool) -> None:
    wire, request = wire_of("openai"), request_of("qwen-plus", "openai")

    read = wire.decoder(request).feed if streamed else lambda answer: wire.decode(answer, request)

    with pytest.raises(InvalidResponseError) as caught:
        read({**body, "request_id": ID})

    assert caught.value.message.startswith(f"The answer is not of the protocol's shape ({why}): {{'choices': [")
    assert caught.value.message.endswith("'request_id': 'req-1'}")
    assert place(caught.value) == (ID, "qwen-plus", "openai", "ap-southeast-1", "llm-golden")


def test_a_long_answer_of_another_shape_is_shown_by_its_beginning() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        wire_of("openai").decode({"choices": [5], "id": "x" * 1000}, request_of("qwen-plus", "openai"))

    assert len(caught.value.message) < 250


def test_a_count_that_is_no_object_is_told_whole() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        wire_of("openai").decoder(request_of("qwen-plus", "openai")).feed({"usage": [5]})

    assert caught.value.message == (
        "The answer is not of the protocol's shape (TypeError: `usage` is list): {'usage': [5]}"
    )


def test_an_answer_without_choices_is_told_whole() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        wire_of("openai").decode({"request_id": ID}, request_of("qwen-plus", "openai"))

    assert caught.value.message == "The answer has no choices."
    assert place(caught.value) == (ID, "qwen-plus", "openai", "ap-southeast-1", "llm-golden")


def test_a_stream_that_broke_off_is_told_whole() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    decoder.feed({"request_id": ID, "choices": [{"delta": {"content": "a"}}]})

    with pytest.raises(StreamInterruptedError) as caught:
        decoder.finish()

    assert caught.value.message == "The stream ended without a `finish_reason`: the answer is not whole."
    assert place(caught.value) == (ID, "qwen-plus", "openai", "ap-southeast-1", "llm-golden")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("[1]", "are list, not an object."),
        ('"x"', "are str, not an object."),
        ("null", "are NoneType, not an object."),
        (
            "{",
            "are not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1).",
        ),
        ("[" * 100_000, "are nested too deeply."),
    ],
    ids=["list", "string", "null", "broken", "deep"],
)
def test_what_is_wrong_with_arguments_is_told_whole(arguments: str, problem: str) -> None:
    assert parsed_arguments("tool", arguments) == (None, f"The arguments of 'tool' {problem}")


# ---------------------------------------------------------------------------------------------------------- addresses

_ID = "Expected the id from the console's workspace details (`llm-…` or `ws-…`)"
ADDRESSES: list[tuple[Callable[[], object], str]] = [
    (
        lambda: region_id("mars"),
        (
            "Region 'mars' does not exist. Expected one of `cn-beijing` (beijing), `ap-southeast-1` (singapore), "
            "`cn-hongkong` (hongkong), `us-east-1` (virginia), `eu-central-1` (frankfurt), `ap-northeast-1` (tokyo)."
        ),
    ),
    (
        lambda: workspace_label("a b"),
        f"Workspace id 'a b' is not one. {_ID}: 1 to 64 letters, digits, `-` or `_`, beginning with a letter or digit.",
    ),
    (
        lambda: workspace_label("sk-1"),
        f"`workspace_id` begins with `sk-`, as keys do. {_ID}; the key is `api_key`.",
    ),
    (
        lambda: locate("host"),
        (
            "`base_url` 'host' cannot be used. Expected an origin such as `https://host`, to which the protocol's path "
            "is added, or a full base URL such as `https://host/compatible-mode/v1`; without login, query and fragment."
        ),
    ),
    (
        lambda: origin(region="cn-beijing", workspace_id=None, endpoint="workspace"),
        '`endpoint="workspace"` needs a `workspace_id`: the workspace\'s own host is named after it.',
    ),
    (
        lambda: origin(region="us-east-1", workspace_id=None, endpoint="trial"),
        (
            "Virginia (`us-east-1`) has no trial host; Beijing, Singapore and Hong Kong have. Use "
            '`endpoint="workspace"` with a `workspace_id`.'
        ),
    ),
    (
        lambda: origin(region="ap-northeast-1", workspace_id=None, endpoint=None),
        (
            "Tokyo (`ap-northeast-1`) has no shared host: a `workspace_id` is needed to reach the workspace's own "
            "(`DASHSCOPE_WORKSPACE` in the environment)."
        ),
    ),
    (
        lambda: with_path("https://h/x/api/v1/", "openai"),
        (
            '`base_url` \'https://h/x/api/v1/\' is the path of `protocol="dashscope"`, but the protocol is "openai". '
            "Give the origin alone (`https://h/x`), or change the protocol."
        ),
    ),
]


@pytest.mark.parametrize(("ask", "told"), ADDRESSES, ids=[told[:40] for _, told in ADDRESSES])
def test_an_address_that_leads_nowhere_is_told_whole(ask: Callable[[], object], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ask()

    assert caught.value.message == told


@pytest.mark.parametrize(
    ("url", "protocol", "models", "rerank", "files"),
    [
        (
            "https://h",
            "openai",
            "https://h/compatible-mode/v1",
            "https://h/compatible-api/v1",
            "https://h/compatible-mode/v1",
        ),
        (
            "https://h/x/compatible-mode/v1/",
            "openai",
            "https://h/x/compatible-mode/v1",
            "https://h/x/compatible-api/v1",
            "https://h/x/compatible-mode/v1",
        ),
        (
            "https://h/compatible-api/v1",
            "openai",
            "https://h/compatible-mode/v1",
            "https://h/compatible-api/v1",
            "https://h/compatible-mode/v1",
        ),
        ("https://h//", "dashscope", "https://h/api/v1", "https://h/api/v1", "https://h/api/v1"),
        ("https://h/api/v1", "dashscope", "https://h/api/v1", "https://h/api/v1", "https://h/api/v1"),
        ("https://h/mine/", "dashscope", "https://h/mine", "https://h/mine", "https://h/mine"),
        ("https://h/X", "openai", "https://h/X", "https://h/X", "https://h/X"),
    ],
)
def test_each_service_has_its_path_below_a_base_url(
    url: str, protocol: ProtocolName, models: str, rerank: str, files: str
) -> None:
    assert with_path(url, protocol) == models
    assert with_path(url, protocol, "models") == models
    assert with_path(url, protocol, "rerank") == rerank
    assert with_path(url, protocol, "files") == files


@pytest.mark.parametrize(
    ("protocol", "url"),
    [("dashscope", "https://h/compatible-mode/v1"), ("dashscope", "https://h/compatible-api/v1/")],
)
def test_the_path_of_either_service_is_that_of_the_other_protocol(protocol: ProtocolName, url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Give the origin alone \(`https://h`\)"):
        with_path(url, protocol)


@pytest.mark.parametrize(
    ("workspace_id", "endpoint", "host"),
    [
        (None, None, "dashscope.aliyuncs.com"),
        ("", None, "dashscope.aliyuncs.com"),
        ("ws-1", None, "ws-1.cn-beijing.maas.aliyuncs.com"),
        ("ws-1", "workspace", "ws-1.cn-beijing.maas.aliyuncs.com"),
        ("ws-1", "shared", "dashscope.aliyuncs.com"),
        ("ws-1", "trial", "trial.cn-beijing.maas.aliyuncs.com"),
    ],
)
def test_a_host_is_chosen_by_id_and_kind(workspace_id: str | None, endpoint: EndpointKind | None, host: str) -> None:
    assert origin(region="cn-beijing", workspace_id=workspace_id, endpoint=endpoint) == f"https://{host}"


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_this_machine_is_known_by_its_addresses(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize("given", [" Singapore ", "SINGAPORE", "ap-southeast-1", "AP-SouthEast-1\n"])
def test_a_region_is_known_with_spaces_around_it(given: str) -> None:
    assert region_id(given) == "ap-southeast-1"


@pytest.mark.parametrize("label", ["SK-1", "trial", "Token-Plan", "", "-a", "a" * 65, "a.b"])
def test_what_is_no_workspace_is_refused_in_any_case(label: str) -> None:
    with pytest.raises(ConfigurationError):
        workspace_label(label)


@pytest.mark.parametrize("label", ["a" * 64, "Trial-1", "ws_1", "9", "sk"])
def test_what_may_be_a_workspace_is_taken_as_it_is(label: str) -> None:
    assert workspace_label(label) == label
