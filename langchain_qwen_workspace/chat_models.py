"""`ChatQwenWorkspace`: LangChain's face of a chat model."""

import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, ClassVar, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, model_validator

from langchain_qwen_workspace import _tokenizer
from langchain_qwen_workspace._chat import (
    content_blocks,  # noqa: F401 - its import registers the block translator
    structured_output,
    token_counting,
)
from langchain_qwen_workspace._chat import tools as tool_rules
from langchain_qwen_workspace._chat.parameters import ChatParameters, renamed
from langchain_qwen_workspace._chat.streamed_answer import attach_partial_message, result_of_stream
from langchain_qwen_workspace._chat.tenancy import TENANT, TenantChatModel
from langchain_qwen_workspace._protocols import chat_wire
from langchain_qwen_workspace._seam import PROVIDER, ChatCall, Request, Transport
from langchain_qwen_workspace._version import __version__
from langchain_qwen_workspace._wire.parameters import PARAMETERS, merge_extra_body
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.profiles import langchain_profile, profile_of
from langchain_qwen_workspace.routing import WorkspaceRouter

_CACHED_AS = {"stop": "stop_sequences"}


class ChatQwenWorkspace(ChatParameters, TenantChatModel):
    """Qwen, and the other chat models of Model Studio, called as a workspace.

    Setup:
        ```bash
        pip install langchain-qwen-workspace
        export DASHSCOPE_API_KEY="sk-…"      # the workspace's key
        export DASHSCOPE_WORKSPACE="llm-…"   # its id, to reach it by its own host
        export DASHSCOPE_REGION="singapore"  # where the key was made
        ```

    Key init args for completion:
        - `model`: A model that the workspace may call, such as `"qwen-plus"`.
        - `temperature`, `top_p`, `max_tokens`, `stop`, …: As the service documents them; both protocols take the same.
        - `enable_thinking`, `thinking_budget`, `reasoning_effort`: Whether and how long the model thinks.

    Key init args for the client:
        - `protocol`: `"openai"` (default) or `"dashscope"`, also called `"native"`. Results are the same.
        - `workspace`: A `QwenWorkspace`; or its values: `api_key`, `workspace_id`, `region`, `endpoint`, `base_url`.
        - `timeout`, `max_retries`: How patiently.

    Instantiate:
        ```python
        from langchain_qwen_workspace import ChatQwenWorkspace

        llm = ChatQwenWorkspace(model="qwen-plus", api_key="sk-…", workspace_id="llm-…", region="singapore")
        ```

    Invoke:
        ```python
        llm.invoke([("system", "Answer in one word."), ("human", "Where is the West Lake?")])
        ```

    Stream:
        ```python
        for chunk in llm.stream("Count to three."):
            print(chunk.text, end="")
        ```

    Async:
        ```python
        await llm.ainvoke("Hello")
        async for chunk in llm.astream("Hello"):
            ...
        await llm.abatch(["one", "two"])
        ```

    Token usage:
        ```python
        llm.invoke("Hello").usage_metadata  # {"input_tokens": …, "output_tokens": …, "total_tokens": …, …}
        ```
        The same on the last chunk of a stream.

    Response metadata:
        ```python
        llm.invoke("Hello").response_metadata
        # {"model_provider": "qwen_workspace", "model_name": "qwen-plus", "finish_reason": "stop",
        #  "request_id": "…", "protocol": "openai", "region": "ap-southeast-1", "workspace_id": "llm-…", …}
        ```
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True)

    model: str = Field(min_length=1)
    """The model's name, as the console shows it. Also readable as `model_name`."""

    base_model: str | None = None
    """For a fine-tuned or deployed model: the catalogue model it was made from, whose facts then apply."""

    streaming: bool = False
    """Whether `invoke` streams inside, so that callbacks see the tokens. Default: no."""

    stream_usage: bool = True
    """Whether a stream ends with the token usage. The native protocol always counts. Default: yes."""

    @model_validator(mode="before")
    @classmethod
    def _keep_unknown_arguments(cls, values: Any) -> Any:
        """Move arguments without a field into `model_kwargs`; warn of those that the service does not document."""
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields.keys()
        values = renamed(values)
        extra = {name: value for name, value in values.items() if name not in fields}
        kept = dict(values.get("model_kwargs") or {})
        if twice := sorted((extra.keys() & kept.keys()) | (kept.keys() & fields)):
            raise ConfigurationError(
                f"{', '.join(f'`{name}`' for name in twice)} in `model_kwargs` has a place of its own: pass each "
                "once, as an argument."
            )
        _warn_unknown(extra)
        return {name: value for name, value in values.items() if name in fields} | {"model_kwargs": kept | extra}

    @model_validator(mode="after")
    def _set_qwen_workspace_version(self) -> "ChatQwenWorkspace":
        self._add_version("langchain-qwen-workspace", __version__)
        return self

    @model_validator(mode="after")
    def _check_profile_keys(self) -> Self:
        """Warn of a profile's unknown keys, by LangChain's own check where there are any.

        It evaluates the hints of `ModelProfile` for each model anew (45 of the 140 µs of making one).
        """
        if self.profile and not self.profile.keys() <= ModelProfile.__annotations__.keys():
            super()._check_profile_keys()  # type: ignore[operator]  # mypy sees the decorator
        return self

    @property
    def model_name(self) -> str:
        """The model's name; LangChain's parts read it under either name."""
        return self.model

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The environment variable of each secret."""
        return {"api_key": "DASHSCOPE_API_KEY"}

    @property
    def _llm_type(self) -> str:
        return "chat-qwen-workspace"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What two models must share to give each other's cached answers: no secret, but who is called."""
        return {
            "model": self.model,
            "protocol": self.protocol,
            # Of a router, each call says which: `_get_invocation_params`.
            **self._called(None if isinstance(self.workspace, WorkspaceRouter) else self.resolved_workspace()),
            # Under another name than the call's own `stop`, which LangChain writes over it, also where it is none.
            **{_CACHED_AS.get(name, name): value for name, value in self.default_parameters().items()},
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = PROVIDER
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        return langchain_profile(profile_of(self.model, base_model=self.base_model))

    def _prepare(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        options: Mapping[str, Any],
        *,
        stream: bool,
    ) -> tuple[Transport, Request]:
        """Return the request of one call, encoded, and what carries it. Nothing is sent before both exist.

        Args:
            messages: The conversation.
            stop: Overrides `stop`.
            options: The call's own parameters; `None` takes a default away.
            stream: Whether the caller wants events. A model that only streams does so in any case.
        """
        given = {**options, **({"stop": stop} if stop is not None else {})}
        given.pop("stream", None)
        model = given.pop("model", None) or self.model
        workspaces = self._workspaces_for(model, given.pop(TENANT, None))
        with_usage = given.pop("stream_usage", self.stream_usage)
        _warn_unknown(given)
        profile = profile_of(model, base_model=self.base_model if model == self.model else None)
        call = ChatCall(
            model=model,
            messages=messages,
            parameters=tool_rules.resolve_tool_choice(self._merge_parameters(given), model=model, profile=profile),
            stream=stream,
            with_usage=with_usage,
            profile=profile,
            destination=workspaces[0]._destination(self.protocol),  # noqa: SLF001 - a value of this package
        )
        wire = chat_wire(self.protocol)
        if not stream and wire.must_stream(call):
            call = replace(call, stream=True)
        request = wire.encode(call)
        return self._transport(workspaces), request

    def _merge_parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of one call, its own before the model's; `None` removes a default."""
        extra_body = {**(self.extra_body or {}), **(given.pop("extra_body", None) or {})}
        merged = {**self.default_parameters(), **given, "extra_body": extra_body or None}
        parameters = merge_extra_body({name: value for name, value in merged.items() if value is not None})
        if not parameters.get("stop", True):
            del parameters["stop"]
        return parameters

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - core reports the result itself
        **kwargs: Any,
    ) -> ChatResult:
        transport, request = self._prepare(messages, stop, kwargs, stream=False)
        wire = chat_wire(self.protocol)
        if not request.stream:
            return wire.decode(transport.send(request), request)
        decoder, chunks = wire.decoder(request), list[ChatGenerationChunk]()
        with attach_partial_message(chunks):
            for event in transport.stream(request):
                chunks += decoder.feed(event)
            return result_of_stream(chunks, decoder.finish())

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - core reports the result itself
        **kwargs: Any,
    ) -> ChatResult:
        transport, request = self._prepare(messages, stop, kwargs, stream=False)
        wire = chat_wire(self.protocol)
        if not request.stream:
            return wire.decode(await transport.asend(request), request)
        decoder, chunks = wire.decoder(request), list[ChatGenerationChunk]()
        with attach_partial_message(chunks):
            async with aclosing(transport.astream(request)) as events:
                async for event in events:
                    chunks += decoder.feed(event)
            return result_of_stream(chunks, decoder.finish())

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        transport, request = self._prepare(messages, stop, kwargs, stream=True)
        decoder, chunks = chat_wire(self.protocol).decoder(request), list[ChatGenerationChunk]()
        with attach_partial_message(chunks):
            for event in transport.stream(request):
                for chunk in decoder.feed(event):
                    chunks.append(chunk)
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
            yield from decoder.finish()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        transport, request = self._prepare(messages, stop, kwargs, stream=True)
        decoder, chunks = chat_wire(self.protocol).decoder(request), list[ChatGenerationChunk]()
        with attach_partial_message(chunks):
            # Closed here and now if the caller stops, not by the collector at some later turn of the loop.
            async with aclosing(transport.astream(request)) as events:
                async for event in events:
                    for chunk in decoder.feed(event):
                        chunks.append(chunk)
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk
            for chunk in decoder.finish():
                yield chunk

    def get_token_ids(self, text: str) -> list[int]:
        """Return a text's tokens, offline, in the vocabulary of Qwen up to 3; later models have a larger one."""
        return self.custom_get_token_ids(text) if self.custom_get_token_ids else _tokenizer.token_ids(text)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """Return about how many input tokens a conversation has, offline; media are not counted.

        Args:
            messages: The conversation.
            tools: What is offered beside it, in any form that `bind_tools` takes.
        """
        written = tool_rules.bind_parameters(tools, tool_choice=None, strict=None)["tools"] if tools else []
        profile = profile_of(self.model, base_model=self.base_model)
        preserved = profile.preserve_thinking if self.preserve_thinking is None else self.preserve_thinking
        return token_counting.count(messages, written, self.get_token_ids, with_reasoning=preserved)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: dict[str, Any] | str | bool | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with tools to call; the model itself stays as it is.

        Args:
            tools: Functions, tools, pydantic classes, typed dicts or JSON schemas.
            tool_choice: A tool's name, `"auto"`, `"none"`, the service's own dict, or `"any"` / `"required"` /
                `True` to have one called. Qwen cannot be told to call any of several tools: that goes out as
                `"auto"`, with a warning; and it cannot be forced while it thinks: a hybrid model then does not
                think for that call, with a warning.
            strict: Whether arguments have to follow the schema exactly, for models that can.
            parallel_tool_calls: Whether one answer may call several tools.
            **kwargs: Further parameters of the calls.

        Raises:
            UnsupportedInputError: `tool_choice` names none of the tools.
        """
        bound = tool_rules.bind_parameters(tools, tool_choice=tool_choice, strict=strict)
        if parallel_tool_calls is not None:
            bound["parallel_tool_calls"] = parallel_tool_calls
        return self.bind(**bound, **kwargs)

    def with_structured_output(
        self,
        schema: structured_output.Schema | None = None,
        *,
        method: structured_output.Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return the model with its answers made into objects of a schema; the model itself stays as it is.

        Args:
            schema: A pydantic class (answers are its instances), a typed dict, a JSON schema or a tool's dict
                (answers are dicts). Only `json_mode` does without.
            method: `"json_schema"` lets the service hold the model to the schema (Qwen3.7 and 3.8 Max, Plus, Flash);
                `"function_calling"` asks for it as a tool call; `"json_mode"` asks for any JSON object, and the
                messages must say "json". Default: `json_schema` where the model has it, else `function_calling`.
            include_raw: Whether the answer is `{"raw": message, "parsed": object, "parsing_error": error or None}`.
            strict: Whether the schema has to be followed exactly.
            **kwargs: Further parameters of the calls.

        Raises:
            ConfigurationError: There is no schema, and the method needs one.
        """
        chosen = structured_output.method_for(schema, method, profile_of(self.model, base_model=self.base_model))
        parameters = {**structured_output.parameters_for(schema, chosen, strict=strict), **kwargs}
        llm: Runnable[LanguageModelInput, AIMessage]
        if chosen == "function_calling" and schema is not None:
            llm = self.bind_tools(
                [schema], tool_choice=structured_output.tool_name(schema), strict=strict, **parameters
            )
        else:
            llm = self.bind(**parameters)
        parser = structured_output.parser_for(schema, chosen)
        return structured_output.with_raw(llm, parser) if include_raw else llm | parser


def _warn_unknown(parameters: Mapping[str, Any]) -> None:
    for name in parameters:
        if name not in PARAMETERS and name != "extra_body":
            warnings.warn(
                f"`{name}` is not a parameter that Model Studio documents; it is sent as it is. "
                "Check its spelling, or pass it in `extra_body` to say that it is meant.",
                stacklevel=2,
            )
