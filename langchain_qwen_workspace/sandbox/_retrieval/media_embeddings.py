"""Multimodal embeddings, which only the DashScope protocol has: checks a request, answers it with hashed vectors.

A text has the vector that `/text-embedding` gives it. Nothing looks inside a medium: its vector is that of the words of
its file's name, slightly different for every URL, or that of its bytes if it is a data URI. So equal media have equal
vectors, and `https://example.com/cat.png` is near texts about a cat. Several elements in one vector are their sum.
Limits and shapes: Model Studio docs, multimodal-embedding page of 2026-07-31.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox import _media, _tokens
from langchain_qwen_workspace.sandbox._calls import Call, Reply
from langchain_qwen_workspace.sandbox._errors import INVALID_BODY, check_keys, inference_error, parameter_error
from langchain_qwen_workspace.sandbox._models import MediaEmbeddingModel
from langchain_qwen_workspace.sandbox._retrieval import vectors
from langchain_qwen_workspace.sandbox._retrieval.embeddings import read_dimension

_KINDS = ("text", "image", "video", "multi_images")
_SECONDS_PER_VIDEO = 10
_MAX_RES_LEVEL = 3
_MAX_VIDEO_FRAMES = 64


@dataclass(frozen=True, slots=True)
class _Element:
    """One thing to embed: a text, a medium, or several images that belong together."""

    kind: str
    parts: tuple[str, ...]

    def vector(self, dimension: int, role: str) -> list[float]:
        """Return the vector, of length one."""
        if self.kind == "text":
            return vectors.dense(self.parts[0], dimension, role=role)
        return vectors.fuse(
            [vectors.dense(_media.searchable_text(part), dimension, role=f"{role} {part}") for part in self.parts]
        )


def answer(call: Call) -> Reply:
    """Answer DashScope's multimodal-embedding endpoint."""
    model, body = call.find_model(MediaEmbeddingModel), call.body
    given, parameters = body.get("input"), body.get("parameters") or {}
    if not isinstance(given, Mapping) or not isinstance(parameters, Mapping):
        raise parameter_error(INVALID_BODY)
    check_keys(body, ("model", "input", "parameters"), "$")
    check_keys(given, ("contents",), "input")
    _check_parameters(parameters, model)
    dimension = read_dimension(parameters.get("dimension"), model.dimensions)
    objects = _read_contents(given.get("contents"), model, uploads=call.may_use_uploads())
    counts = _count_kinds(element for elements in objects for element in elements)
    _check_counts(counts, model)
    role = f"instruct {parameters['instruct']}" if parameters.get("instruct") else ""
    groups = _group(objects, model, enable_fusion=bool(parameters.get("enable_fusion")))
    embeddings = [
        {"index": index, "embedding": vectors.fuse([e.vector(dimension, role) for e in elements]), "type": kind}
        for index, (kind, elements) in enumerate(groups)
    ]
    text_tokens = sum(_tokens.count(e.parts[0]) for elements in objects for e in elements if e.kind == "text")
    usage = _usage(text_tokens, counts, model, len(embeddings))
    return Reply({"output": {"embeddings": embeddings}, "usage": usage, "request_id": call.request_id})


def _check_parameters(parameters: Mapping[str, Any], model: MediaEmbeddingModel) -> None:
    allowed = {"dimension", "output_type", "fps", "instruct"}
    allowed |= {"enable_fusion"} if model.fusion == "on-request" else set()
    allowed |= {"res_level", "max_video_frames"} if model.limits_resolution else set()
    check_keys(parameters, allowed, "parameters")
    _check_number(parameters, "fps", 0, 1, (int, float))
    _check_number(parameters, "res_level", 0, _MAX_RES_LEVEL)
    _check_number(parameters, "max_video_frames", 1, _MAX_VIDEO_FRAMES)
    output_type = parameters.get("output_type") or "dense"
    if output_type != "dense":
        raise inference_error(f"Value error, output_type '{output_type}' is not supported.: parameters.output_type")
    if not isinstance(parameters.get("enable_fusion") or False, bool):
        raise inference_error("Value error, enable_fusion is not a bool.: parameters.enable_fusion")  # our text
    if not isinstance(parameters.get("instruct") or "", str):
        raise inference_error("Value error, instruct is not a str.: parameters.instruct")  # our text


def _check_number(
    parameters: Mapping[str, Any], name: str, least: int, most: int, types: tuple[type[float], ...] = (int,)
) -> None:
    number = parameters.get(name)
    if number is None:
        return
    if isinstance(number, bool) or not isinstance(number, types) or not least <= number <= most:
        raise inference_error(f"Range of {name} should be [{least}, {most}]")  # our text


def _read_contents(contents: Any, model: MediaEmbeddingModel, *, uploads: bool) -> list[list[_Element]]:
    """Return the elements of every object of `contents`."""
    if not isinstance(contents, list) or not contents or not all(isinstance(c, Mapping) and c for c in contents):
        raise inference_error(
            "Value error, contents is neither a list of objects nor filled.: input.contents"
        )  # our text
    if len(contents) > model.max_elements:
        most = model.max_elements
        raise inference_error(
            f"Value error, batch size is invalid, it should not be larger than {most}.: input.contents"
        )
    known = [kind for kind in _KINDS if kind != "multi_images" or model.max_multi_images]
    objects = []
    for content in contents:
        check_keys(content, known, "input.contents")
        if len(content) > 1 and model.fusion != "object":
            raise inference_error("Value error, an element has exactly one modality.: input.contents")  # our text
        objects.append(
            [_read_element(kind, content[kind], model, uploads=uploads) for kind in known if kind in content]
        )
    return objects


def _read_element(kind: str, given: Any, model: MediaEmbeddingModel, *, uploads: bool) -> _Element:
    if kind == "text":
        if not isinstance(given, str) or not 1 <= _tokens.count(given) <= model.max_tokens:
            raise inference_error(f"Range of input length should be [1, {model.max_tokens}]")
        return _Element(kind, (given,))
    if kind == "multi_images":
        if not isinstance(given, list) or not 1 <= len(given) <= model.max_multi_images:
            raise inference_error(f"Range of multi_images should be [1, {model.max_multi_images}]")  # our text
        for image in given:
            _media.check("image", image, uploads=uploads)
        return _Element(kind, tuple(given))
    _media.check(kind, given, uploads=uploads)
    if kind == "video" and given.startswith("data:"):
        raise parameter_error(_media.NOT_A_URL)
    return _Element(kind, (given,))


def _count_kinds(elements: Iterable[_Element]) -> Counter[str]:
    """Return how many texts, images and videos there are."""
    counts: Counter[str] = Counter()
    for element in elements:
        counts["image" if element.kind == "multi_images" else element.kind] += len(element.parts)
    return counts


def _check_counts(counts: Counter[str], model: MediaEmbeddingModel) -> None:
    texts = 1 if model.fusion == "always" else model.max_elements
    for kind, most in (("text", texts), ("image", model.max_images), ("video", model.max_videos)):
        if counts[kind] > most:
            # Our text.
            raise inference_error(f"Value error, number of {kind}s is invalid, it should not be larger than {most}.")


def _group(
    objects: list[list[_Element]], model: MediaEmbeddingModel, *, enable_fusion: bool
) -> list[tuple[str, list[_Element]]]:
    """Return the elements of each vector, with the vector's type."""
    if enable_fusion or model.fusion == "always":
        return [(model.fused_type, [element for elements in objects for element in elements])]
    return [(elements[0].kind if len(elements) == 1 else model.fused_type, elements) for elements in objects]


def _usage(text: int, counts: Counter[str], model: MediaEmbeddingModel, number_of_vectors: int) -> dict[str, Any]:
    """Return the usage in the fields that this model has."""
    images, videos = (_tokens.PER_MEDIUM * counts[kind] for kind in ("image", "video"))
    total = text + images + videos
    if model.usage == "detailed":
        details = {"text_tokens": text, "image_tokens": images, "video_tokens": videos}
        # One token for each vector; the docs do not say what it counts.
        output = {"output_tokens": number_of_vectors, "total_tokens": total + number_of_vectors}
        return {"input_tokens": total, "input_tokens_details": details, **output}
    usage = {"input_tokens": text, "image_tokens": images + videos}
    if model.usage != "no-total":
        usage["total_tokens"] = total
    if model.usage == "counted":
        usage |= {"image_count": counts["image"], "duration": _SECONDS_PER_VIDEO * counts["video"]}
    return usage
