"""The chat model: `ChatQwenWorkspace`."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, model_validator

from langchain_qwen_workspace import _tokenizer
from langchain_qwen_workspace._chat import (
    content_blocks,  # noqa: F401 - its import registers the block translator
    model_profile,
    structured_output,
    token_counting,
    tool_secrets,
    tracing,
)
from langchain_qwen_workspace._chat import tools as tool_rules
from langchain_qwen_workspace._chat.inner_stream import InnerStream
from langchain_qwen_workspace._chat.parameters import (
    EXTRA_HEADERS,
    refuse_fields,
    resolve_aliases,
    spell_like,
    warn_of_undocumented_parameters,
)
from langchain_qwen_workspace._chat.schema_tool import SCHEMA_TOOL, find_schema_tool
from langchain_qwen_workspace._chat.streamed_answer import attach_partial_message, result_of_stream
from langchain_qwen_workspace._fields import client, model_kinds
from langchain_qwen_workspace._protocols import chat_wire, profile_over
from langchain_qwen_workspace._seam import ChatCall, Request, Transport
from langchain_qwen_workspace._slots import wait_for_this_task
from langchain_qwen_workspace._version import __version__
from langchain_qwen_workspace._wire.parameters import check_values
from langchain_qwen_workspace._workspace.secrets import refuse_secrets
from langchain_qwen_workspace.data._servers import OtherServer
from langchain_qwen_workspace.profiles import Profile
from langchain_qwen_workspace.routing import TENANT, WorkspaceRouter

if TYPE_CHECKING:
    from langchain_qwen_workspace._fields.init_types import ChatArguments

_CACHED_AS = {"stop": "stop_sequences"}


class ChatQwenWorkspace(tracing.TracedChatModel):
    """Chat model for Qwen and the other chat models of Model Studio, called with the key of a workspace.

    Setup:
        ```bash
        pip install langchain-qwen-workspace
        export DASHSCOPE_API_KEY="sk-…"      # the workspace's key
        export DASHSCOPE_WORKSPACE="llm-…"   # its id, to call it at its own host
        export DASHSCOPE_REGION="singapore"  # the region of the key
        ```

    Key init args for completion:
        - `model`: A model that the workspace may call, such as `"qwen-plus"`.
        - `temperature`, `top_p`, `max_tokens`, `stop`, …: The service's parameters. Each says which protocol lacks it.
        - `enable_thinking`, `thinking_budget`, `reasoning_effort`: Whether and how much the model thinks.

    Key init args for the client:
        - `protocol`: `"openai"` (default), `"dashscope"`, also called `"native"`, or `"responses"`.
        - `workspace`: A `QwenWorkspace`; or its values: `api_key`, `workspace_id`, `region`, `endpoint`, `base_url`.
        - `timeout`: Seconds to wait for the next bytes. Default: 600.
        - `max_retries`: How often a failed request is sent again. Default: 2.
        - `callbacks`, `cache`, `rate_limiter`, `profile`, …: The fields of LangChain's `BaseChatModel`.

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
        await llm.ainvoke("Hello")  # also astream, abatch
        ```

    Token usage:
        ```python
        llm.invoke("Hello").usage_metadata  # {"input_tokens": …, "output_tokens": …, "total_tokens": …, …}
        ```
        The last chunk of a stream has it too.

    Response metadata:
        ```python
        llm.invoke("Hello").response_metadata
        # {"model_provider": "qwen_workspace", "model_name": "qwen-plus", "finish_reason": "stop",
        #  "request_id": "…", "protocol": "openai", "region": "ap-southeast-1", "workspace_id": "llm-…", …}
        ```
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(defer_build=False, hide_input_in_errors=True)

    model: str = Field(min_length=1)
    """The model's name in Model Studio, such as `"qwen-plus"`. Also available as `model_name`."""

    base_model: str | None = None
    """Of a fine-tuned or deployed model: the model from which it was made, whose properties apply. Default: none."""

    streaming: bool | None = None
    """Whether calls are streamed, whichever method makes them: with `True`, callbacks get each token of `invoke`; with
    `False`, `stream` yields the whole answer as one chunk. Default: the method decides, or a handler that streams.
    """

    stream_usage: bool = True
    """Whether a stream ends with the token usage. Default: yes. Only the protocol `"openai"` can leave it out."""

    if TYPE_CHECKING:  # What may be given, which is more than the fields hold.

        def __init__(self, **arguments: Unpack[ChatArguments]) -> None: ...

    @model_validator(mode="before")
    @classmethod
    def _drop_catalogue_profile(cls, values: Any) -> Any:
        return model_profile.drop_catalogue_profile(values)

    @model_validator(mode="after")
    def _set_qwen_workspace_version(self) -> "ChatQwenWorkspace":
        self._add_version("langchain-qwen-workspace", __version__)
        return self

    @model_validator(mode="after")
    def _check_values(self) -> Self:
        """Check model and parameters where they are given, and not only when the model is called."""
        server = self._other_server()
        if server is not None and isinstance(self.profile, model_profile.CatalogueProfile):
            # LangChain asked for it before the environment's `base_url` was read.
            self.__dict__["profile"] = self._resolve_model_profile()
        profile = model_kinds.check_model(self.model, self._profile_at(server, self.model), "chat", server)
        check_values(self._merge_parameters({}), profile, with_ranges=server is None)
        return self

    @model_validator(mode="after")
    def _check_profile_keys(self) -> Self:
        """Run LangChain's check of the profile, which warns of unknown keys, only if there are any.

        The check evaluates the type hints of `ModelProfile` for every model (45 of the 140 µs of creating one).
        """
        if self.profile and not self.profile.keys() <= ModelProfile.__annotations__.keys():
            super()._check_profile_keys()  # type: ignore[operator]  # mypy sees the decorator
        return self

    @property
    def model_name(self) -> str:
        """The model's name, for parts of LangChain that use this name."""
        return self.model

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The environment variables of the secrets, for LangChain's serialization."""
        return {"api_key": "DASHSCOPE_API_KEY"}

    @property
    def _llm_type(self) -> str:
        return "chat-qwen-workspace"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What two models must have in common to share cached answers: endpoint and parameters, but no secret."""
        return {
            "model": self.model,
            "protocol": self.protocol,
            "base_model": self.base_model,
            "output_version": self.output_version,
            "stream_usage": self.stream_usage,
            "check_capabilities": self.check_capabilities,
            # A router's workspace is part of each call: see `_get_invocation_params`.
            **self._endpoint_params(None if isinstance(self.workspace, WorkspaceRouter) else self.resolved_workspace()),
            # LangChain overwrites the key `stop` with the call's own, even if that is None.
            **{_CACHED_AS.get(name, name): value for name, value in self.default_parameters().items()},
        }

    def _resolve_model_profile(self) -> ModelProfile | None:
        return model_profile.to_model_profile(self._catalogue_profile_at(self._other_server(), self.model))

    def _catalogue_profile_at(self, server: OtherServer | None, model: str) -> Profile:
        base_model = self.base_model if model == self.model else None
        facts = client.profile_at(server, model, base_model, enforced=self.check_capabilities)
        return profile_over(self.protocol, facts)

    def _profile_at(self, server: OtherServer | None, model: str) -> Profile:
        """Return the facts about a model that a call may name: the user's `profile` wins over the catalogue."""
        return model_profile.apply_user_profile(self._catalogue_profile_at(server, model), self.profile)

    def _profile_of(self, model: str) -> Profile:
        return self._profile_at(self._other_server(), model)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with changes; `profile` is that of the new model, unless you gave one."""
        copied = super().model_copy(update=update, deep=deep)
        if isinstance(copied.profile, model_profile.CatalogueProfile) or copied.profile is None:
            copied.profile = copied._resolve_model_profile()  # noqa: SLF001 - a copy of this model
        return copied

    def _prepare(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        options: Mapping[str, Any],
        *,
        stream: bool,
    ) -> tuple[Transport, Request]:
        """Return the transport and the request of one call. Nothing is sent yet.

        Args:
            messages: The conversation.
            stop: Overrides the model's `stop`.
            options: The call's own parameters; `None` removes one of the model's.
            stream: Whether the caller wants a stream. If the service refuses the call otherwise, it is streamed anyway.
        """
        options = {**resolve_aliases(options), **({"stop": stop} if stop is not None else {})}
        options.pop("stream", None)
        options.pop(SCHEMA_TOOL, None)
        model = options.pop("model", None) or self.model
        workspaces = self._workspaces_for(model, options.pop(TENANT, None))
        with_usage = options.pop("stream_usage", self.stream_usage)
        refuse_fields(options)
        server = workspaces[0]._other_server()  # noqa: SLF001 - a value of this package
        if server is None:
            warn_of_undocumented_parameters(options)
        profile = model_kinds.check_kind(model, self._profile_at(server, model), "chat", server)
        parameters = self._merge_parameters(options)
        extra_headers = parameters.pop(EXTRA_HEADERS, None)
        call = ChatCall(
            model=model,
            messages=messages,
            parameters=tool_rules.resolve_tool_choice(parameters, model, profile, self.protocol),
            stream=stream,
            with_usage=with_usage,
            profile=profile,
            destination=workspaces[0]._destination_at(server, self.protocol),  # noqa: SLF001 - a value of this package
            reserves_tool_names=self._reserves_tool_names(workspaces),
            server=server,
        )
        wire = chat_wire(self.protocol)
        if not stream and wire.must_stream(call):
            call = replace(call, stream=True)
        request = wire.encode(call)
        if extra_headers:
            headers = spell_like(extra_headers, self.default_headers or {})
            request = replace(request, headers={**request.headers, **headers})
        return self._transport(workspaces), request

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
            return tracing.add_llm_output(wire.decode(transport.send(request), request))
        decoder, chunks = wire.decoder(request), list[ChatGenerationChunk]()
        with attach_partial_message(chunks):
            for event in transport.stream(request):
                chunks += decoder.feed(event)
            return tracing.add_llm_output(result_of_stream(chunks, decoder.finish()))

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
            return tracing.add_llm_output(wire.decode(await transport.asend(request), request))
        decoder, chunks = wire.decoder(request), list[ChatGenerationChunk]()
        with attach_partial_message(chunks):
            async with InnerStream(transport.astream(request)) as events:
                async for event in events:
                    chunks += decoder.feed(event)
            return tracing.add_llm_output(result_of_stream(chunks, decoder.finish()))

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
            # Closed at once if the caller stops early, not when it is garbage-collected.
            async with InnerStream(transport.astream(request)) as events:
                async for event in events:
                    for chunk in decoder.feed(event):
                        chunks.append(chunk)
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk
            for chunk in decoder.finish():
                yield chunk

    def get_token_ids(self, text: str) -> list[int]:
        """Return a text's token ids, offline.

        The vocabulary is that of Qwen up to version 3; later models have a larger one.
        """
        return self.custom_get_token_ids(text) if self.custom_get_token_ids else _tokenizer.token_ids(text)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """Return an estimate of the input tokens of a conversation, made offline. Media are not counted.

        Args:
            messages: The conversation.
            tools: The tools of the call, in any form that `bind_tools` accepts.
        """
        tool_dicts = tool_rules.to_openai_tools(tools or ())
        profile = self._profile_of(self.model)
        with_reasoning = profile.preserve_thinking if self.preserve_thinking is None else self.preserve_thinking
        return token_counting.count_tokens(messages, tool_dicts, self.get_token_ids, with_reasoning=with_reasoning)

    if not TYPE_CHECKING:  # A type checker sees LangChain's methods, whose types are long or private.

        async def agenerate(self, *args: Any, **kwargs: Any) -> LLMResult:
            """Answer several prompts, like LangChain's method, which sends each in a task of its own."""
            with wait_for_this_task():
                return await super().agenerate(*args, **kwargs)

        def bind(self, **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
            """Return a runnable that calls the model with parameters. The model itself is not changed.

            Args:
                **kwargs: Parameters of the calls.

            Raises:
                UnsupportedInputError: A parameter looks like a secret.
            """
            refuse_secrets(kwargs, self._documented)
            return super().bind(**tool_secrets.seal_tools(kwargs))

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: dict[str, Any] | str | bool | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return a runnable that calls the model with tools. The model itself is not changed.

        Args:
            tools: Functions, tools, pydantic classes, typed dicts, JSON schemas, or the service's own tools, as dicts.
            tool_choice: A tool's name, `"auto"`, `"none"`, the service's own dict, or `"any"` / `"required"` /
                `True` to force a call. Qwen cannot be forced to call any one of several tools: `"auto"` is sent
                instead, with a warning. (If one of them is the schema of an agent's response, and the model calls no
                tool, a second request forces that one.) Nor can Qwen be forced while it thinks: thinking is switched
                off for that call, with a warning, if the model allows it. Default: the service's, which is `"auto"`.
            strict: Whether arguments must follow the schema exactly, for models that support it. Default: not sent.
            parallel_tool_calls: Whether one answer may have several tool calls. Default: the model's field.
            **kwargs: Further parameters of the calls. `response_format` may be a pydantic class, a typed dict or a JSON
                schema, as in a call.

        Raises:
            UnsupportedInputError: `tool_choice` names none of the tools, or the protocol does not have a built-in tool.
        """
        parameters = tool_rules.bind_parameters(tools, tool_choice=tool_choice, strict=strict)
        tool_rules.check_server_tools(parameters, self.protocol, self._profile_of(self.model))
        if parameters.get("tool_choice") == "required" and (name := find_schema_tool(tools)):
            parameters[SCHEMA_TOOL] = name
        if kwargs.get("response_format") is not None:
            kwargs["response_format"] = structured_output.to_response_format(kwargs["response_format"])
        if parallel_tool_calls is not None:
            parameters["parallel_tool_calls"] = parallel_tool_calls
        return self.bind(**parameters, **kwargs)

    def with_structured_output(
        self,
        schema: structured_output.Schema | None = None,
        *,
        method: structured_output.Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return a runnable that answers with objects of a schema. The model itself is not changed.

        Args:
            schema: A pydantic class (the runnable returns instances), a typed dict, a JSON schema or a tool's dict
                (it returns dicts). Only `json_mode` works without a schema.
            method: `"json_schema"`: the service enforces the schema (`qwen4-max`, `qwen3.8-max` and `-flash`,
                `qwen3.7-max`, `-plus` and `-flash`). `"function_calling"`: the schema is sent as a tool. `"json_mode"`:
                the answer is any JSON object, and a message must contain the word "json". Default: `"json_schema"` if
                the model supports it, else `"function_calling"`, the only method of the protocol `"responses"`.
            include_raw: Whether to return `{"raw": message, "parsed": object, "parsing_error": error or None}`.
            strict: Whether the answer must follow the schema exactly. Default: yes for `"json_schema"`, otherwise not
                sent.
            **kwargs: Further parameters of the calls. `tools` are sent beside the schema: if the model calls one of
                them instead of answering, the error names it, and `include_raw` returns the call. `tool_choice`
                replaces the default: the schema's tool for `"function_calling"`, otherwise the service's.

        Raises:
            ConfigurationError: The schema is missing or cannot be used with the method, the method does not exist, or
                `response_format` is given.
        """
        structured_output.check_no_response_format(kwargs)
        chosen = structured_output.choose_method(schema, method, self._profile_of(kwargs.get("model") or self.model))
        parameters = {**structured_output.parameters_for(schema, chosen, strict=strict), **kwargs}
        if chosen == "function_calling" and schema is not None:
            parameters["tools"] = [*tool_rules.to_openai_tools([schema], strict=strict), *(kwargs.get("tools") or ())]
            parameters["tool_choice"] = kwargs.get("tool_choice") or structured_output.tool_name(schema)
        llm = self.bind_tools(**{"tools": (), **parameters})
        parser = structured_output.parser_for(schema, chosen)
        return structured_output.with_raw(llm, parser) if include_raw else llm | parser
