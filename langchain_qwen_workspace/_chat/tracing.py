"""Provides what LangChain's tracers, callbacks and caches read of a call in addition to its messages."""

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, Self, cast

from langchain_core.globals import get_llm_cache
from langchain_core.language_models import LangSmithParams, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.content import is_data_content_block
from langchain_core.outputs import ChatResult
from langchain_core.prompt_values import PromptValue

from langchain_qwen_workspace._chat import tools as tool_rules
from langchain_qwen_workspace._chat.parameters import ChatParameters
from langchain_qwen_workspace._chat.schema_tool import SchemaToolChatModel
from langchain_qwen_workspace._chat.tool_secrets import hash_tools, mask_tools
from langchain_qwen_workspace._seam import PROVIDER
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace._wire._content_blocks import read_block
from langchain_qwen_workspace._workspace.secrets import refuse_secrets
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.routing import TENANT


class TracedChatModel(ChatParameters, SchemaToolChatModel):
    """A chat model that tells LangChain's tracers, callbacks and caches what they need to know of a call."""

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """Return the key of a call in LangChain's caches: all that shapes its answer, in the form in which it is sent.

        Functions and classes have no text of their own that tells them apart, and headers may be secrets.
        """
        sent = self._merge_parameters(dict(kwargs))
        sent.pop("stop", None)  # LangChain passes the call's own, and `_identifying_params` has the model's.
        if "tools" in sent:
            sent["tools"] = tool_rules.to_openai_tools(sent["tools"])
            sent["tools_hash"] = hash_tools(sent)
        sent["default_headers"] = sha256(repr(sorted((self.default_headers or {}).items())).encode()).hexdigest()
        sent["workspaces"] = self._cache_identities(kwargs)
        return super()._get_llm_string(stop=stop, **mask_tools({**kwargs, **sent}))

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """Return the parameters of a call for LangChain's cache, tracers and callbacks, none of which is a secret."""
        refuse_secrets({**self.default_parameters(), **kwargs}, self._documented)
        return mask_tools(super()._get_invocation_params(stop=stop, **kwargs))

    def _cache_identities(self, kwargs: Mapping[str, Any]) -> list[str | None]:
        """Return the identities of the workspaces that a call may go to; none if the router has no workspace for it."""
        try:
            # Private methods of a value of this package.
            return [workspace._cache_identity() for workspace in self.candidates(kwargs.get(TENANT))]  # noqa: SLF001
        except ConfigurationError:  # Raised again when the call is made.
            return []

    def _generate_with_cache(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return super(TracedChatModel, self._cacheable(kwargs))._generate_with_cache(messages, *args, **kwargs)

    async def _agenerate_with_cache(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return await super(TracedChatModel, self._cacheable(kwargs))._agenerate_with_cache(messages, *args, **kwargs)

    def _cacheable(self, kwargs: Mapping[str, Any]) -> Self:
        """Return the model, without LangChain's cache if that could give one workspace another's answer."""
        if self.cache is False or (self.cache is None and get_llm_cache() is None):
            return self
        if None not in self._cache_identities(kwargs):
            return self
        _warn_of_uncached()
        return self.model_copy(update={"cache": False})

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = PROVIDER
        texts = [self.stop] if isinstance(self.stop, str) else self.stop
        if stop is None and texts and all(isinstance(text, str) for text in texts):
            params["ls_stop"] = cast("list[str]", texts)
        return params

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
        return _sum_llm_outputs(llm_outputs)

    def _convert_input(self, model_input: LanguageModelInput) -> PromptValue:
        prompt = super()._convert_input(model_input)
        _check_traceable(prompt.to_messages())
        return prompt


@cache
def _warn_of_uncached() -> None:
    warn_user(
        "Answers are not cached: the key comes from a callable and no `workspace_id` is given, so that the cache could "
        "not tell workspaces apart. Pass `workspace_id`."
    )


def _check_traceable(messages: Sequence[BaseMessage]) -> None:
    """Check the images before LangChain's tracers read them, whose error does not say which message is wrong.

    Raises:
        UnsupportedInputError: An image has base64 data without a mime type, or no data.
    """
    for position, message in enumerate(messages):
        for block in message.content if isinstance(message.content, list) else ():
            if isinstance(block, dict) and block.get("type") == "image" and is_data_content_block(block):
                is_sendable = "url" in block or "file_id" in block or block.get("source_type") == "id"
                if not is_sendable and "mime_type" not in block:
                    read_block(block, f"Message {position} ({type(message).__name__})")


def add_llm_output(result: ChatResult) -> ChatResult:
    """Add the `llm_output` of LangChain's other chat models, model name and token usage, and return the result.

    The usage is that of the service, under the names of the OpenAI protocol on every protocol.
    """
    for generation in result.generations:
        message = generation.message
        if isinstance(message, AIMessage) and (usage := message.usage_metadata):
            token_usage = {
                **message.response_metadata.get("token_usage", {}),
                "prompt_tokens": usage["input_tokens"],
                "completion_tokens": usage["output_tokens"],
                "total_tokens": usage["total_tokens"],
            }
            break
    else:
        token_usage = {}
    metadata = result.generations[0].message.response_metadata if result.generations else {}
    # In a new result, pydantic would validate every message again.
    result.llm_output = {"model_name": metadata.get("model_name"), "token_usage": token_usage}
    return result


def _sum_llm_outputs(outputs: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Return the `llm_output` of several calls: the usage is summed, and the rest is that of the last."""
    summed: dict[str, Any] = {}
    for output in filter(None, outputs):
        summed = {**output, "token_usage": _sum(summed.get("token_usage", {}), output["token_usage"])}
    return summed


def _sum(left: Any, right: Any) -> Any:
    """Return the sum of two usages, including nested counts; of other values the second one is kept."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return {**left, **{name: _sum(left.get(name), count) for name, count in right.items()}}
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left + right
    return left if right is None else right
