"""The routes that ask a model: the right kind of model for the path, then its dialect answers."""

from __future__ import annotations

import time

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._calls import NATIVE, Call, Reply, wants_stream
from langchain_qwen_workspace.sandbox._chat import dashscope, openai, rules
from langchain_qwen_workspace.sandbox._errors import Refusal
from langchain_qwen_workspace.sandbox._models import (
    ChatModel,
    EmbeddingModel,
    Family,
    MediaEmbeddingModel,
    Model,
    RerankModel,
)
from langchain_qwen_workspace.sandbox._retrieval import embeddings, rerank
from langchain_qwen_workspace.sandbox._retrieval import media_embeddings as media

FAMILIES: dict[str, Family] = {
    f"{NATIVE}/aigc/text-generation/generation": "text",
    f"{NATIVE}/aigc/multimodal-generation/generation": "multimodal",
}
_WRONG_URL = "url error, please check url！"  # noqa: RUF001 - the service writes it full-width


def compatible_chat(call: Call) -> Reply:
    """Answer `/chat/completions`."""
    model = call.model()
    if not isinstance(model, ChatModel):
        raise _not_compatible(model)
    return _chat(call, model)


def batch_test_chat(call: Call) -> Reply:
    """Answer `/v1/chat/ds-test`, which only a batch reaches and whose one model every workspace may call."""
    name = call.body.get("model")
    if name != _models.BATCH_TEST.name:
        missing = f"The provided model {name} is not supported by the Batch API."
        raise Refusal(code="ModelNotFound", compatible=missing)
    return _chat(call, _models.BATCH_TEST)


def _chat(call: Call, model: ChatModel) -> Reply:
    chat = openai.parse(call.body, model)
    answers = rules.answers(chat.ask)
    created = int(time.time())
    if chat.stream:
        return Reply(events=openai.events(chat, answers, call.request_id, created))
    return Reply(openai.render(chat, answers, call.request_id, created))


def native_chat(call: Call) -> Reply:
    """Answer the two native generation endpoints."""
    model = call.model()
    family = FAMILIES[call.path]
    if not isinstance(model, ChatModel) or model.family != family:
        raise Refusal(_WRONG_URL)
    stream = wants_stream(call.headers)
    generation = dashscope.parse(call.body, model, family, stream=stream, uploads=call.may_use_uploads())
    answers = rules.answers(generation.ask)
    if stream:
        return Reply(events=dashscope.events(generation, answers, call.request_id))
    return Reply(dashscope.render(generation, answers, call.request_id))


def compatible_embeddings(call: Call) -> Reply:
    """Answer `/embeddings`."""
    model = call.model()
    if not isinstance(model, EmbeddingModel):
        raise _not_compatible(model)
    return Reply(embeddings.compatible(call.body, model, call.request_id))


def native_embeddings(call: Call) -> Reply:
    """Answer the native text-embedding endpoint."""
    model = call.model()
    if not isinstance(model, EmbeddingModel):
        raise Refusal(_WRONG_URL)
    return Reply(embeddings.native(call.body, model, call.request_id))


def media_embeddings(call: Call) -> Reply:
    """Answer the native multimodal-embedding endpoint."""
    model = call.model()
    if not isinstance(model, MediaEmbeddingModel):
        raise Refusal(_WRONG_URL)
    return Reply(media.native(call.body, model, call.request_id, uploads=call.may_use_uploads()))


def compatible_rerank(call: Call) -> Reply:
    """Answer `/reranks`."""
    model = call.model()
    if not isinstance(model, RerankModel) or not model.compatible:
        raise _not_compatible(model)
    return Reply(rerank.compatible(call.body, model, call.request_id))


def native_rerank(call: Call) -> Reply:
    """Answer the native rerank endpoint."""
    model = call.model()
    if not isinstance(model, RerankModel):
        raise Refusal(_WRONG_URL)
    return Reply(rerank.native(call.body, model, call.request_id, uploads=call.may_use_uploads()))


def model_list(call: Call) -> Reply:
    """Answer `/models` with what the workspace may call."""
    permitted = call.workspace.models
    names = sorted(_models.CATALOGUE if permitted is None else permitted)
    data = [{"id": n, "object": "model", "created": 1_777_000_000, "owned_by": "system"} for n in names]
    ends = {"first_id": "model-id-0", "last_id": f"model-id-{len(data) - 1}", "has_more": False}
    return Reply({"object": "list", "data": data, **ends})


def _not_compatible(model: Model) -> Refusal:
    return Refusal(f"Unsupported model {model.name} for OpenAI compatibility mode.", code="ModelNotSupported")
