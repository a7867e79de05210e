"""How a component's inputs become the lines of a batch, and its answers what the component would have returned."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata

from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._retrieval.inputs import text_item
from langchain_qwen_workspace._seam import Destination, Json, Request
from langchain_qwen_workspace.chat_models import ChatQwenWorkspace
from langchain_qwen_workspace.embeddings import QwenWorkspaceEmbeddings
from langchain_qwen_workspace.errors import QwenWorkspaceError, UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile, profile_of

Output_co = TypeVar("Output_co", covariant=True)


class Lines(Protocol[Output_co]):
    """What a batch needs of a component."""

    model: str
    destination: Destination
    profile: Profile

    def request(self, given: Any, where: str) -> Request:
        """Return the request for one input, or raise an error that names it."""

    def read(self, body: Json) -> tuple[Output_co, UsageMetadata | None]:
        """Return what the component would have returned for an answer, and the tokens that it took."""


class ChatLines:
    """A chat model's messages."""

    def __init__(self, model: ChatQwenWorkspace, options: Mapping[str, Any]) -> None:
        """Take the model, and the parameters that are bound to it."""
        workspace = model.resolved_workspace()
        self._model = model
        self._options = options
        self.model = options.get("model") or model.model
        self.destination = Destination(model.protocol, workspace.region, workspace.workspace_id)
        self.profile = profile_of(self.model, base_model=model.base_model if self.model == model.model else None)

    def request(self, given: Any, where: str) -> Request:
        """Return the request for one conversation."""
        options = dict(self._options)
        try:
            messages = self._model._convert_input(given).to_messages()  # noqa: SLF001 - how every chat model reads its input
            _, request = self._model._prepare(messages, options.pop("stop", None), options, stream=False)  # noqa: SLF001 - ours
        except QwenWorkspaceError as error:
            error.message = f"{where}: {error.message}"
            raise
        except (TypeError, ValueError) as error:
            raise UnsupportedInputError(f"{where} is no input of a chat model: {error}") from error
        if request.stream:
            raise UnsupportedInputError(
                f"{where} would have to be streamed, as {request.model!r} answers it no other way, and a batch is "
                "not. Take another model, or `enable_thinking=False` where that is the reason."
            )
        if request.body.get("n", 1) != 1:
            raise UnsupportedInputError(
                f"{where} asks for {request.body['n']} answers. A batch has one for each input."
            )
        return request

    def read(self, body: Json) -> tuple[AIMessage, UsageMetadata | None]:
        """Return an answer's message, and its tokens."""
        request = Request(path="", body={}, model=self.model, destination=self.destination)
        generation = PROTOCOLS[self.destination.protocol].chat.decode(body, request).generations[0]
        # What a wire decodes is a model's own; LangChain's type of it is wider.
        message = cast("AIMessage", generation.message)
        return message, message.usage_metadata


class EmbeddingLines:
    """An embedding model's texts, one a line."""

    def __init__(self, embeddings: QwenWorkspaceEmbeddings) -> None:
        """Take the model."""
        self._template = embeddings._template("document")  # noqa: SLF001 - this package's
        self.model = self._template.model
        self.destination = self._template.destination
        self.profile = self._template.profile

    def request(self, given: Any, where: str) -> Request:
        """Return the request for one text."""
        item = text_item(given, where, self.profile, self._template.model)
        call = replace(self._template, inputs=(item.input,))
        return PROTOCOLS[self.destination.protocol].embeddings.encode(call)

    def read(self, body: Json) -> tuple[list[float], UsageMetadata | None]:
        """Return an answer's vector, and its tokens."""
        call = replace(self._template, inputs=("",))
        answer = PROTOCOLS[self.destination.protocol].embeddings.decode(body, call)
        return answer.dense[0], answer.usage
