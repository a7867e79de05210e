"""Kinds of embeddings: sparse and hybrid vectors, queries and documents, images and videos."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from langchain_qwen_workspace import QwenWorkspaceEmbeddings, UnsupportedInputError
from langchain_qwen_workspace._seam import SparseVector
from langchain_qwen_workspace.embeddings import HybridVector
from langchain_qwen_workspace.profiles import profile_of
from tests.support.callbacks import CallbackRecorder
from tests.support.protocols import DASHSCOPE, OPENAI
from tests.support.retrieval import make_embeddings
from tests.support.server import Received, Reply, Server, json_reply

IMAGE, VIDEO = "https://example.com/a.png", "https://example.com/a.mp4"
TEXT_PATH = "/api/v1/services/embeddings/text-embedding/text-embedding"
MEDIA_PATH = "/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding"

Call = Callable[[QwenWorkspaceEmbeddings, Any], Any]


def both_ways(name: str) -> list[Any]:
    """Return a method's sync and async form as test parameters; the async one runs in an event loop of its own."""

    def sync(embeddings: QwenWorkspaceEmbeddings, given: Any) -> Any:
        return getattr(embeddings, name)(given)

    def async_(embeddings: QwenWorkspaceEmbeddings, given: Any) -> Any:
        return asyncio.run(getattr(embeddings, f"a{name}")(given))

    return [pytest.param(sync, id="sync"), pytest.param(async_, id="async")]


def respond(received: Received) -> Reply:
    """Respond to a DashScope request as its model would; each vector's components are its position."""
    body = received.json
    asked = body["parameters"]
    size: int = asked.get("dimension") or profile_of(body["model"]).default_dimension or 0
    if received.path == MEDIA_PATH:
        fused = body["model"] == "qwen2.5-vl-embedding" or asked.get("enable_fusion")
        found = [
            {"index": place, "embedding": [float(place)] * size, "type": "vl"}
            for place in range(1 if fused else len(body["input"]["contents"]))
        ]
        return json_reply({"output": {"embeddings": found}, "usage": {}, "request_id": "req-body"})
    found = []
    for place, text in enumerate(body["input"]["texts"]):
        row: dict[str, Any] = {"text_index": place}
        if asked.get("output_type") != "sparse":
            row["embedding"] = [float(place)] * size
        if asked.get("output_type") is not None:
            row["sparse_embedding"] = [{"index": len(text), "value": 0.5, "token": text}]
        found.append(row)
    return json_reply({"output": {"embeddings": found}, "usage": {"total_tokens": 1}, "request_id": "req-body"})


def dashscope_embeddings(server: Server, **fields: Any) -> QwenWorkspaceEmbeddings:
    server.default = respond
    return make_embeddings(server, DASHSCOPE, **{"model": "text-embedding-v4", "max_concurrency": 1, **fields})


# --- sparse and hybrid ---


@pytest.mark.parametrize("call", both_ways("embed_documents_sparse"))
def test_embed_documents_sparse_requests_sparse_vectors(server: Server, call: Call) -> None:
    texts = ["a", "bb", *["c"] * 9]
    found = call(dashscope_embeddings(server, dimensions=512), texts)
    assert found == [SparseVector([len(text)], [0.5], [text]) for text in texts]
    assert [received.path for received in server.requests] == [TEXT_PATH] * 2
    assert server.bodies == [
        {
            "model": "text-embedding-v4",
            "input": {"texts": batch},
            "parameters": {"text_type": "document", "output_type": "sparse"},
        }
        for batch in (texts[:10], texts[10:])
    ]


@pytest.mark.parametrize("call", both_ways("embed_query_sparse"))
def test_embed_query_sparse_requests_a_sparse_vector(server: Server, call: Call) -> None:
    assert call(dashscope_embeddings(server, instruct="Find it."), "abc") == SparseVector([3], [0.5], ["abc"])
    assert server.bodies[0]["parameters"] == {"text_type": "query", "output_type": "sparse", "instruct": "Find it."}


@pytest.mark.parametrize("call", both_ways("embed_documents_hybrid"))
def test_embed_documents_hybrid_requests_both_vectors_at_once(server: Server, call: Call) -> None:
    found = call(dashscope_embeddings(server, dimensions=64), ["a", "bb"])
    assert found == [
        HybridVector([0.0] * 64, SparseVector([1], [0.5], ["a"])),
        HybridVector([1.0] * 64, SparseVector([2], [0.5], ["bb"])),
    ]
    (received,) = server.requests
    assert received.json["parameters"] == {"text_type": "document", "output_type": "dense&sparse", "dimension": 64}


@pytest.mark.parametrize("call", both_ways("embed_query_hybrid"))
def test_embed_query_hybrid_requests_both_vectors_at_once(server: Server, call: Call) -> None:
    dense, sparse = call(dashscope_embeddings(server), "abc")
    assert (dense, sparse) == ([0.0] * 1024, SparseVector([3], [0.5], ["abc"]))
    assert server.bodies[0]["parameters"] == {"text_type": "query", "output_type": "dense&sparse"}


SPARSE_METHODS = [
    pytest.param(*one.values, given, id=f"{name}-{one.id}")
    for name, given in (
        ("embed_documents_sparse", ["a"]),
        ("embed_query_sparse", "a"),
        ("embed_documents_hybrid", ["a"]),
        ("embed_query_hybrid", "a"),
    )
    for one in both_ways(name)
]


@pytest.mark.parametrize(("call", "given"), SPARSE_METHODS)
def test_sparse_vectors_are_refused_over_the_openai_protocol(server: Server, call: Call, given: Any) -> None:
    for model in ("text-embedding-v4", "text-embedding-v9"):
        with pytest.raises(UnsupportedInputError, match='exists only on `protocol="dashscope"`') as caught:
            call(make_embeddings(server, OPENAI, model=model), given)
        assert caught.value.protocol == "openai"
    assert server.requests == []


@pytest.mark.parametrize(("call", "given"), SPARSE_METHODS)
@pytest.mark.parametrize("model", ["text-embedding-v2", "qwen3-vl-embedding", "tongyi-embedding-vision-plus"])
def test_sparse_vectors_are_refused_for_models_without_them(server: Server, call: Call, given: Any, model: str) -> None:
    with pytest.raises(UnsupportedInputError, match=f"'{model}' makes no sparse vectors"):
        call(dashscope_embeddings(server, model=model), given)
    assert server.requests == []


# --- queries and documents ---


@pytest.mark.parametrize("is_async", [False, True])
def test_instruct_is_sent_with_queries_only(server: Server, *, is_async: bool) -> None:
    embeddings = dashscope_embeddings(server, instruct="Find it.", model="qwen3.7-text-embedding")
    if is_async:
        asyncio.run(embeddings.aembed_query("a"))
        asyncio.run(embeddings.aembed_documents(["a"]))
    else:
        embeddings.embed_query("a")
        embeddings.embed_documents(["a"])
    assert [body["parameters"] for body in server.bodies] == [
        {"text_type": "query", "instruct": "Find it."},
        {"text_type": "document"},
    ]


@pytest.mark.parametrize("text_type", ["query", "document"])
def test_text_type_applies_to_queries_and_documents(server: Server, text_type: str) -> None:
    embeddings = dashscope_embeddings(server, text_type=text_type)
    assert embeddings.embed_query("a") == embeddings.embed_documents(["a"])[0] == [0.0] * 1024
    assert [body["parameters"] for body in server.bodies] == [{"text_type": text_type}] * 2


@pytest.mark.parametrize("name", ["instruct", "text_type"])
def test_instruct_and_text_type_are_refused_over_the_openai_protocol(server: Server, name: str) -> None:
    with pytest.raises(ValueError, match=f'`{name}` is supported for embeddings only with `protocol="dashscope"`'):
        make_embeddings(server, OPENAI, model="text-embedding-v4", **{name: "query"})


@pytest.mark.parametrize("model", ["text-embedding-v3", "text-embedding-v1", "qwen3-vl-embedding"])
def test_instruct_is_refused_for_models_without_it(server: Server, model: str) -> None:
    with pytest.raises(ValueError, match=f"`instruct` is not supported by '{model}'"):
        dashscope_embeddings(server, model=model, instruct="Find it.")


def test_text_type_is_refused_for_a_multimodal_model(server: Server) -> None:
    with pytest.raises(ValueError, match=r"`text_type` is not supported by .* embeds queries and documents alike"):
        dashscope_embeddings(server, model="qwen3-vl-embedding", text_type="query")


def test_instruct_is_sent_or_refused_for_an_unknown_multimodal_model(server: Server) -> None:
    server.default = lambda _: json_reply({"output": {"embeddings": [{"index": 0, "embedding": [1.0]}]}})
    try:
        make_embeddings(server, DASHSCOPE, model="qwen9-vl-embedding", instruct="Find it.").embed_query("a")
    except ValueError:
        return
    assert "Find it." in str(server.bodies)


# --- images and videos ---

MULTIMODAL = [
    "qwen3-vl-embedding",
    "qwen2.5-vl-embedding",
    "tongyi-embedding-vision-plus-2026-03-06",
    "tongyi-embedding-vision-flash",
    "multimodal-embedding-v1",
    "qwen9-vl-embedding",
]


@pytest.mark.parametrize("model", MULTIMODAL)
def test_multimodal_models_are_refused_over_the_openai_protocol(server: Server, model: str) -> None:
    with pytest.raises(ValueError, match="not available with `protocol='openai'`; use `protocol='dashscope'`"):
        make_embeddings(server, OPENAI, model=model)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("model", MULTIMODAL[:-1])
def test_texts_for_a_multimodal_model_are_sent_to_the_multimodal_endpoint(
    server: Server, model: str, *, is_async: bool
) -> None:
    embeddings = dashscope_embeddings(server, model=model)
    if is_async:
        assert len(asyncio.run(embeddings.aembed_documents(["a"]))) == 1
        asyncio.run(embeddings.aembed_query("b"))
    else:
        assert len(embeddings.embed_documents(["a"])) == 1
        embeddings.embed_query("b")
    assert [received.path for received in server.requests] == [MEDIA_PATH] * 2
    assert server.bodies == [
        {"model": model, "input": {"contents": [{"text": text}]}, "parameters": {}} for text in ("a", "b")
    ]


FUSED = ["hello", {"type": "image", "url": IMAGE}]

# The contents and the parameters of each request.
Requests = Sequence[tuple[list[dict[str, Any]], dict[str, Any]]]

CONTENTS: dict[str, tuple[str, list[Any], Requests]] = {
    "each by itself, in one request": (
        "qwen3-vl-embedding",
        ["hello", {"type": "image", "url": IMAGE}, {"type": "video", "url": VIDEO}],
        [([{"text": "hello"}, {"image": IMAGE}, {"video": VIDEO}], {})],
    ),
    "other words for the same": (
        "qwen3-vl-embedding",
        [
            {"type": "text", "text": "hello"},
            {"type": "image_url", "image_url": {"url": IMAGE}},
            {"type": "video_url", "video_url": {"url": VIDEO}},
            {"text": "hello"},
            {"image": IMAGE},
        ],
        [([{"text": "hello"}, {"image": IMAGE}, {"video": VIDEO}, {"text": "hello"}, {"image": IMAGE}], {})],
    ),
    "an image in base64, and the frames of a video": (
        "qwen3-vl-embedding",
        [{"type": "image", "base64": "aGk=", "mime_type": "image/png"}, {"video": [IMAGE, IMAGE]}],
        [([{"image": "data:image/png;base64,aGk="}, {"video": [IMAGE, IMAGE]}], {})],
    ),
    "fused by a parameter, alone": (
        "qwen3-vl-embedding",
        ["a", FUSED, "b", "c"],
        [
            ([{"text": "a"}], {}),
            ([{"text": "hello"}, {"image": IMAGE}], {"enable_fusion": True}),
            ([{"text": "b"}, {"text": "c"}], {}),
        ],
    ),
    "two fused are two requests": (
        "qwen3-vl-embedding",
        [FUSED, FUSED],
        [([{"text": "hello"}, {"image": IMAGE}], {"enable_fusion": True})] * 2,
    ),
    "a list of one is not fused": ("qwen3-vl-embedding", [["a"], "b"], [([{"text": "a"}, {"text": "b"}], {})]),
    "fused as an object, together": (
        "tongyi-embedding-vision-plus-2026-03-06",
        ["a", FUSED, {"image": IMAGE}],
        [([{"text": "a"}, {"text": "hello", "image": IMAGE}, {"image": IMAGE}], {})],
    ),
    "always fused, always alone": (
        "qwen2.5-vl-embedding",
        [FUSED, "b"],
        [([{"text": "hello"}, {"image": IMAGE}], {}), ([{"text": "b"}], {})],
    ),
    "several pictures as one": (
        "tongyi-embedding-vision-plus",
        [{"multi_images": [IMAGE, IMAGE]}, "a"],
        [([{"multi_images": [IMAGE, IMAGE]}, {"text": "a"}], {})],
    ),
}


@pytest.mark.parametrize("call", both_ways("embed_contents"))
@pytest.mark.parametrize("case", CONTENTS)
def test_contents_are_sent_in_the_form_that_the_model_takes(server: Server, call: Call, case: str) -> None:
    model, contents, expected = CONTENTS[case]
    found = call(dashscope_embeddings(server, model=model), contents)
    assert [received.path for received in server.requests] == [MEDIA_PATH] * len(expected)
    assert server.bodies == [
        {"model": model, "input": {"contents": sent}, "parameters": parameters} for sent, parameters in expected
    ]
    assert len(found) == len(contents)


def test_the_vectors_of_contents_are_in_order(server: Server) -> None:
    found = dashscope_embeddings(server, model="qwen3-vl-embedding", dimensions=256).embed_contents(
        ["a", "b", FUSED, "c", "d"]
    )
    assert [(vector[0], len(vector)) for vector in found] == [(0, 256), (1, 256), (0, 256), (0, 256), (1, 256)]


def test_dimensions_and_model_kwargs_are_sent_with_contents(server: Server) -> None:
    embeddings = dashscope_embeddings(server, model="qwen3-vl-embedding", dimensions=512, model_kwargs={"fps": 0.5})
    embeddings.embed_contents([{"video": VIDEO}])
    assert server.bodies[0]["parameters"] == {"dimension": 512, "fps": 0.5}


def test_text_contents_for_a_text_model_are_sent_as_texts(server: Server) -> None:
    assert dashscope_embeddings(server).embed_contents(["a", {"type": "text", "text": "b"}]) == [
        [0.0] * 1024,
        [1.0] * 1024,
    ]
    (received,) = server.requests
    assert received.path == TEXT_PATH
    assert received.json["input"] == {"texts": ["a", "b"]}


@pytest.mark.parametrize("call", both_ways("embed_contents"))
@pytest.mark.parametrize(
    ("model", "wrong", "message"),
    [
        ("qwen3-vl-embedding", {"type": "video", "url": VIDEO, "fps": 2}, r"\['fps'\].*model_kwargs"),
        ("qwen3-vl-embedding", {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, "cache_control"),
        ("qwen3-vl-embedding", {"type": "image", "url": "/etc/passwd"}, "never read"),
        ("qwen3-vl-embedding", {"image": "file:///etc/passwd"}, "never read"),
        ("qwen3-vl-embedding", {"multi_images": [IMAGE, "a.png"]}, "never read"),
        ("qwen3-vl-embedding", {"type": "audio", "url": "https://example.com/a.wav"}, "audio input"),
        ("qwen3-vl-embedding", {"type": "image", "base64": "aGk="}, "mime_type"),
        ("qwen3-vl-embedding", {"type": "image", "base64": "no!", "mime_type": "image/png"}, "not valid base64"),
        ("qwen3-vl-embedding", {"type": "image_url", "image_url": {"url": IMAGE, "detail": "high"}}, "detail"),
        ("qwen3-vl-embedding", {"type": "tool_call"}, "tool_call"),
        ("qwen3-vl-embedding", {"multi_images": []}, "content block"),
        ("qwen3-vl-embedding", [], "empty list"),
        ("qwen3-vl-embedding", [["a"]], "Expected a text or a content block"),
        ("qwen3-vl-embedding", "", "empty text"),
        ("qwen3-vl-embedding", ["a", ""], "empty text"),
        ("qwen3-vl-embedding", None, "Expected a text or a content block"),
        ("qwen3-vl-embedding", 5, "Expected a text or a content block"),
        ("qwen9-vl-embedding", {"type": "audio", "url": "https://example.com/a.wav"}, "audio input"),
        ("text-embedding-v4", {"type": "image", "url": IMAGE}, "image input, which the model does not accept"),
        ("text-embedding-v4", ["a", "b"], "makes a separate vector of each"),
        ("tongyi-embedding-vision-plus", FUSED, "makes a separate vector of each"),
        ("multimodal-embedding-v1", FUSED, "makes a separate vector of each"),
        ("tongyi-embedding-vision-plus-2026-03-06", [{"image": IMAGE}] * 2, "at most one of each kind"),
    ],
)
def test_invalid_contents_are_refused_before_anything_is_sent(
    server: Server, call: Call, model: str, wrong: Any, message: str
) -> None:
    with pytest.raises(UnsupportedInputError, match=message) as caught:
        call(dashscope_embeddings(server, model=model), ["fine", wrong])
    assert "Input 1" in caught.value.message or "detail" in message
    assert server.requests == []


def test_a_single_string_is_refused_as_contents(server: Server) -> None:
    with pytest.raises(UnsupportedInputError, match=r"The inputs are of type `str`\. Expected a list"):
        dashscope_embeddings(server, model="qwen3-vl-embedding").embed_contents("hello")
    assert server.requests == []


@pytest.mark.parametrize("given", [{"type": "image", "url": IMAGE}, FUSED], ids=["image", "text and image"])
@pytest.mark.parametrize("model", ["text-embedding-v9", "a-name-of-tomorrow"])
def test_an_image_for_an_unknown_text_model_is_refused(server: Server, model: str, given: Any) -> None:
    with pytest.raises(UnsupportedInputError):
        dashscope_embeddings(server, model=model, dimensions=3).embed_contents([given])
    assert server.requests == []


def test_contents_that_cannot_be_encoded_in_utf_8_are_refused(server: Server) -> None:
    with pytest.raises(UnsupportedInputError, match="UTF-8"):
        dashscope_embeddings(server, model="qwen3-vl-embedding").embed_contents(["\ud800"])


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        ("qwen3-vl-embedding", ["a", *[{"image": IMAGE}] * 11]),
        ("qwen3-vl-embedding", [{"video": VIDEO}] * 2),
        ("qwen3-vl-embedding", ["a"] * 21),
        ("qwen2.5-vl-embedding", [{"image": IMAGE}] * 2),
    ],
    ids=["images", "videos", "parts", "one of each"],
)
def test_an_input_with_more_media_than_a_request_may_have_is_refused(server: Server, model: str, wrong: Any) -> None:
    with pytest.raises(UnsupportedInputError):
        dashscope_embeddings(server, model=model).embed_contents([wrong])


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {
                "input_tokens": 910,
                "input_tokens_details": {"image_tokens": 896, "text_tokens": 14},
                "output_tokens": 1,
                "total_tokens": 911,
            },
            {
                "input_tokens": 910,
                "output_tokens": 1,
                "total_tokens": 911,
                "input_token_details": {"image": 896},
            },
        ),
        (
            {"input_tokens": 10, "image_tokens": 896, "total_tokens": 906},
            {
                "input_tokens": 906,
                "output_tokens": 0,
                "total_tokens": 906,
                "input_token_details": {"image": 896},
            },
        ),
        (
            {"input_tokens": 10, "image_tokens": 896},
            {
                "input_tokens": 906,
                "output_tokens": 0,
                "total_tokens": 906,
                "input_token_details": {"image": 896},
            },
        ),
        (
            {"input_tokens": 10, "image_tokens": 0, "image_count": 1, "duration": 0, "total_tokens": 10},
            {
                "input_tokens": 10,
                "output_tokens": 0,
                "total_tokens": 10,
                "input_token_details": {"image": 0},
            },
        ),
        ({}, None),
        ({"image_count": 1, "duration": 3}, None),
        (None, None),
    ],
    ids=["tongyi", "qwen3-vl", "qwen2.5-vl", "v1", "nothing", "no tokens", "none"],
)
def test_the_usage_of_multimodal_models_is_reported(server: Server, usage: Any, expected: Any) -> None:
    recorder = CallbackRecorder()
    embeddings = dashscope_embeddings(server, model="qwen9-vl-embedding", callbacks=[recorder])
    row = {"index": 0, "embedding": [1.0]}
    server.default = lambda _: json_reply({"output": {"embeddings": [row]}, "usage": usage, "request_id": "req-body"})
    assert embeddings.embed_contents([{"image": IMAGE}]) == [[1.0]]
    assert [event["usage_metadata"] for event in recorder.usage_events] == [expected]
