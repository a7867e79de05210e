"""The table of protocols: a new protocol is one module with its handlers, one row here and one `ProtocolName`."""

from __future__ import annotations

from langchain_qwen_workspace.sandbox import _errors
from langchain_qwen_workspace.sandbox._calls import Protocol, ProtocolName
from langchain_qwen_workspace.sandbox._chat import dashscope, openai, responses_errors
from langchain_qwen_workspace.sandbox._http import catalogue_route, management_routes
from langchain_qwen_workspace.sandbox._retrieval import embeddings, media_embeddings, rerank

PROTOCOLS: dict[ProtocolName, Protocol] = {
    "openai": Protocol(
        name="openai",
        # Paths that no protocol has are answered in this one.
        path_prefixes=("/",),
        routes={
            "/compatible-mode/v1/chat/completions": {"POST": openai.answer_chat},
            "/compatible-mode/v1/embeddings": {"POST": embeddings.answer_openai},
            "/compatible-mode/v1/models": {"GET": management_routes.list_models},
            "/compatible-mode/v1/models/{id}": {"GET": management_routes.show_model},
            "/compatible-api/v1/reranks": {"POST": rerank.answer_openai},
        },
        stream_content_type="text/event-stream;charset=utf-8",
        error_body=_errors.openai_body,
        error_event=openai.error_event,
        has_refusals_in_streams=False,
        unsupported_model_error=openai.unsupported_model_error,
        max_seed=2**31 - 1,
        seed_error=openai.seed_error,
        no_messages="[] is too short - 'messages'",
        unknown_role="'{role}' is not one of ['system', 'assistant', 'user', 'tool'] - 'messages.{index}.role'",
        empty_user_message=None,
    ),
    "dashscope": Protocol(
        name="dashscope",
        path_prefixes=("/api/",),
        routes={
            **{path: {"POST": dashscope.answer_chat} for path in dashscope.FAMILIES},
            "/api/v1/services/embeddings/text-embedding/text-embedding": {"POST": embeddings.answer_dashscope},
            "/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding": {"POST": media_embeddings.answer},
            "/api/v1/services/rerank/text-rerank/text-rerank": {"POST": rerank.answer_dashscope},
            "/api/v1/models": {"GET": catalogue_route.list_catalogue},
        },
        stream_content_type="text/event-stream;charset=UTF-8",
        error_body=_errors.dashscope_body,
        error_event=dashscope.error_event,
        has_refusals_in_streams=True,
        unsupported_model_error=dashscope.unsupported_model_error,
        max_seed=2**63 - 1,
        seed_error=dashscope.seed_error,
        no_messages=dashscope.ROLE_OR_LENGTH,
        unknown_role=dashscope.ROLE_OR_LENGTH,
        empty_user_message=dashscope.ROLE_OR_LENGTH,
    ),
    # Its handlers keep what a workspace stores, so `routes.Router` has them.
    "responses": Protocol(
        name="responses",
        path_prefixes=("/compatible-mode/v1/responses", "/compatible-mode/v1/conversations"),
        routes={},
        stream_content_type="text/event-stream;charset=UTF-8",
        error_body=responses_errors.error_body,
        error_event=responses_errors.error_event,
        failed_body=responses_errors.failed_body,
        has_refusals_in_streams=False,
        unsupported_model_error=responses_errors.unsupported_model_error,
        max_seed=2**31 - 1,
        seed_error=openai.seed_error,
        no_messages="",
        unknown_role="",
        empty_user_message=None,
    ),
}


def protocol_of(path: str) -> Protocol:
    """Return the protocol of a path."""
    prefixes = [(prefix, row) for row in PROTOCOLS.values() for prefix in row.path_prefixes if path.startswith(prefix)]
    return max(prefixes, key=lambda pair: len(pair[0]))[1]
