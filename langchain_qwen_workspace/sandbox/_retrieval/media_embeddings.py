"""Multimodal-embedding requests, which only the native wire has: checked, then answered with hashed vectors.

A text's vector is that of `/text-embedding`. Nothing looks inside a medium: its vector is that of the words of its
file's name, a little apart for every URL, or that of its bytes where it is a data URI. So equal media have equal
vectors, and `https://example.com/cat.png` is near texts about a cat. Several in one vector are their sum.
Limits and shapes: Model Studio docs, multimodal-embedding page of 2026-07-31.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox import _media, _tokens
from langchain_qwen_workspace.sandbox._chat.messages import check_keys
from langchain_qwen_workspace.sandbox._errors import refuse, refuse_algo
from langchain_qwen_workspace.sandbox._models import MediaEmbeddingModel
from langchain_qwen_workspace.sandbox._retrieval import vectors as hashed

_KINDS = ("text", "image", "video", "multi_images")
# A round number, as for the media of a chat.
_TOKENS_PER_MEDIUM = 64
_SECONDS_PER_VIDEO = 10
_RES_LEVELS = 3
_VIDEO_FRAMES = 64


@dataclass(frozen=True, slots=True)
class _Element:
    """One thing to embed: a text, a medium, or several images that belong together."""

    kind: str
    parts: tuple[str, ...]

    def vector(self, dimension: int, role: str) -> list[float]:
        """The vector, of length one."""
        if self.kind == "text":
            return hashed.dense(self.parts[0], dimension, role=role)
        return hashed.fused([hashed.dense(_media.words(part), dimension, role=f"{role} {part}") for part in self.parts])


def native(body: Mapping[str, Any], model: MediaEmbeddingModel, request_id: str, *, uploads: bool) -> dict[str, Any]:
    """Answer the native multimodal-embedding endpoint.

    Args:
        body: The JSON body.
        model: The model it names.
        request_id: The request's id.
        uploads: Whether `oss://` references are resolved for this request.

    Returns:
        The body of the answer.

    Raises:
        Refusal: If the service would refuse it.
    """
    given, parameters = body.get("input"), body.get("parameters") or {}
    if not isinstance(given, Mapping) or not isinstance(parameters, Mapping):
        raise refuse("Required body invalid, please check the request body format.")
    check_keys(body, ("model", "input", "parameters"), "$")
    check_keys(given, ("contents",), "input")
    dimension = _check_parameters(parameters, model)
    objects = _objects(given.get("contents"), model, uploads=uploads)
    _check_numbers(objects, model)
    role = f"instruct {parameters['instruct']}" if parameters.get("instruct") else ""
    embeddings = [
        {"index": index, "embedding": hashed.fused([e.vector(dimension, role) for e in elements]), "type": kind}
        for index, (kind, elements) in enumerate(_grouped(objects, model, asked=parameters.get("enable_fusion")))
    ]
    usage = _usage([element for elements in objects for element in elements], model, len(embeddings))
    return {"output": {"embeddings": embeddings}, "usage": usage, "request_id": request_id}


def _check_parameters(parameters: Mapping[str, Any], model: MediaEmbeddingModel) -> int:
    """Refuse wrong parameters; the dimension."""
    allowed = {"dimension", "output_type", "fps", "instruct"}
    allowed |= {"enable_fusion"} if model.fusion == "asked" else set()
    allowed |= {"res_level", "max_video_frames"} if model.sized else set()
    check_keys(parameters, allowed, "parameters")
    _check_number(parameters, "fps", 0, 1, whole=False)
    _check_number(parameters, "res_level", 0, _RES_LEVELS)
    _check_number(parameters, "max_video_frames", 1, _VIDEO_FRAMES)
    form = parameters.get("output_type") or "dense"
    if form != "dense":
        raise refuse_algo(f"Value error, output_type '{form}' is not supported.: parameters.output_type")
    if not isinstance(parameters.get("enable_fusion") or False, bool):
        raise refuse_algo("Value error, enable_fusion is not a bool.: parameters.enable_fusion")  # own words
    if not isinstance(parameters.get("instruct") or "", str):
        raise refuse_algo("Value error, instruct is not a str.: parameters.instruct")  # own words
    dimension = parameters.get("dimension")
    if dimension is None:
        return model.dimensions[0]
    if isinstance(dimension, bool) or dimension not in model.dimensions:
        offered = sorted(model.dimensions)
        raise refuse_algo(f"Value error, dimension is invalid, it should be one of {offered}.: parameters.dimension")
    return int(dimension)


def _check_number(parameters: Mapping[str, Any], name: str, least: int, most: int, *, whole: bool = True) -> None:
    given = parameters.get(name)
    if given is None:
        return
    kinds = (int,) if whole else (int, float)
    if isinstance(given, bool) or not isinstance(given, kinds) or not least <= given <= most:
        raise refuse_algo(f"Range of {name} should be [{least}, {most}]")  # own words


def _objects(contents: Any, model: MediaEmbeddingModel, *, uploads: bool) -> list[list[_Element]]:
    """The elements of every object of `contents`."""
    if not isinstance(contents, list) or not contents or not all(isinstance(c, Mapping) and c for c in contents):
        raise refuse_algo("Value error, contents is neither a list of objects nor filled.: input.contents")  # own words
    if len(contents) > model.max_elements:
        most = model.max_elements
        raise refuse_algo(f"Value error, batch size is invalid, it should not be larger than {most}.: input.contents")
    known = [kind for kind in _KINDS if kind != "multi_images" or model.max_multi_images]
    objects = []
    for content in contents:
        check_keys(content, known, "input.contents")
        if len(content) > 1 and model.fusion != "object":
            raise refuse_algo("Value error, an element has exactly one modality.: input.contents")  # own words
        objects.append([_element(kind, content[kind], model, uploads=uploads) for kind in known if kind in content])
    return objects


def _element(kind: str, given: Any, model: MediaEmbeddingModel, *, uploads: bool) -> _Element:
    if kind == "text":
        if not isinstance(given, str) or not 1 <= _tokens.count(given) <= model.max_tokens:
            raise refuse_algo(f"Range of input length should be [1, {model.max_tokens}]")
        return _Element(kind, (given,))
    if kind == "multi_images":
        if not isinstance(given, list) or not 1 <= len(given) <= model.max_multi_images:
            raise refuse_algo(f"Range of multi_images should be [1, {model.max_multi_images}]")  # own words
        for image in given:
            _media.check("image", image, uploads=uploads)
        return _Element(kind, tuple(given))
    _media.check(kind, given, uploads=uploads)
    if kind == "video" and given.startswith("data:"):
        raise refuse(_media.NOT_A_URL)
    return _Element(kind, (given,))


def _counted(elements: Iterable[_Element]) -> Counter[str]:
    """How many texts, images and videos there are."""
    kinds: Counter[str] = Counter()
    for element in elements:
        kinds["image" if element.kind == "multi_images" else element.kind] += len(element.parts)
    return kinds


def _check_numbers(objects: Iterable[Iterable[_Element]], model: MediaEmbeddingModel) -> None:
    kinds = _counted(element for elements in objects for element in elements)
    texts = 1 if model.fusion == "always" else model.max_elements
    for kind, most in (("text", texts), ("image", model.max_images), ("video", model.max_videos)):
        if kinds[kind] > most:
            # Own words.
            raise refuse_algo(f"Value error, number of {kind}s is invalid, it should not be larger than {most}.")


def _grouped(
    objects: list[list[_Element]], model: MediaEmbeddingModel, *, asked: bool | None
) -> list[tuple[str, list[_Element]]]:
    """What becomes one vector each, with its type."""
    if asked or model.fusion == "always":
        return [(model.fused_type, [element for elements in objects for element in elements])]
    return [(elements[0].kind if len(elements) == 1 else model.fused_type, elements) for elements in objects]


def _usage(elements: list[_Element], model: MediaEmbeddingModel, vectors: int) -> dict[str, Any]:
    """The usage in the fields this model has."""
    kinds = _counted(elements)
    text = sum(_tokens.count(element.parts[0]) for element in elements if element.kind == "text")
    images, videos = (_TOKENS_PER_MEDIUM * kinds[kind] for kind in ("image", "video"))
    whole = text + images + videos
    if model.usage == "detailed":
        details = {"text_tokens": text, "image_tokens": images, "video_tokens": videos}
        # One token for each vector; the docs do not say what it counts.
        more = {"output_tokens": vectors, "total_tokens": whole + vectors}
        return {"input_tokens": whole, "input_tokens_details": details, **more}
    usage = {"input_tokens": text, "image_tokens": images + videos}
    if model.usage != "no-total":
        usage["total_tokens"] = whole
    if model.usage == "counted":
        usage |= {"image_count": kinds["image"], "duration": _SECONDS_PER_VIDEO * kinds["video"]}
    return usage
