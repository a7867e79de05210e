"""Encodes a component's inputs as the lines of a batch, and decodes each answer as the component would."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata

from langchain_qwen_workspace._chat import tools as tool_rules
from langchain_qwen_workspace._chat.parameters import resolve_aliases
from langchain_qwen_workspace._protocols import chat_wire, embedding_wire
from langchain_qwen_workspace._retrieval.inputs import text_item
from langchain_qwen_workspace._seam import Destination, Json, Request
from langchain_qwen_workspace._usage.records import Operation
from langchain_qwen_workspace._wire._tool_names import rename_tools
from langchain_qwen_workspace.chat_models import ChatQwenWorkspace
from langchain_qwen_workspace.embeddings import QwenWorkspaceEmbeddings
from langchain_qwen_workspace.errors import QwenWorkspaceError, UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile

Output_co = TypeVar("Output_co", covariant=True)


class LineCodec(Protocol[Output_co]):
    """Encodes the inputs and decodes the answers of one component.

    Attributes:
        operation: What its calls are in usage records.
        model: The model's name.
        destination: Which protocol, region and workspace is called.
        profile: What the model can do.
    """

    operation: ClassVar[Operation]
    model: str
    destination: Destination
    profile: Profile

    def encode(self, value: Any, name: str) -> Request:
        """Return the request for one input.

        Args:
            value: The input.
            name: The input's name in errors.

        Raises:
            QwenWorkspaceError: The input cannot be sent in a batch.
        """

    def decode(self, body: Json) -> tuple[Output_co, UsageMetadata | None]:
        """Return what the component would have returned for an answer, and the tokens that it used."""


class ChatLineCodec:
    """Encodes conversations and decodes messages."""

    operation: ClassVar[Operation] = "chat"

    def __init__(self, model: ChatQwenWorkspace, options: Mapping[str, Any]) -> None:
        """Use a chat model's settings.

        Args:
            model: The chat model.
            options: The parameters that are bound to it.
        """
        workspace = model.resolved_workspace()
        self._model = model
        self._options = options = resolve_aliases(options)
        self.model = options.get("model") or model.model
        self.destination = workspace._destination(model.protocol)  # noqa: SLF001 - this package's
        self.profile = model._profile_of(self.model)  # noqa: SLF001 - this package's
        tools = tool_rules.to_openai_tools({**model.default_parameters(), **options}.get("tools") or ())
        reserves_names = model._reserves_tool_names([workspace])  # noqa: SLF001 - this package's
        _, self._tool_names = rename_tools({"tools": tools}, (), reserves_names=reserves_names)

    def encode(self, value: Any, name: str) -> Request:
        """Return the request for one conversation."""
        options = dict(self._options)
        try:
            messages = self._model._convert_input(value).to_messages()  # noqa: SLF001 - how every chat model reads its input
            _, request = self._model._prepare(messages, options.pop("stop", None), options, stream=False)  # noqa: SLF001 - ours
        except QwenWorkspaceError as error:
            error.message = f"{name}: {error.message}"
            raise
        except (TypeError, ValueError) as error:
            raise UnsupportedInputError(f"{name} is not a valid input of a chat model: {error}") from error
        if request.stream:
            raise UnsupportedInputError(
                f"{name} cannot be sent: {request.model!r} only streams its answers, and the Batch API does not "
                "stream. Use another model, or set `enable_thinking=False` if thinking is the reason."
            )
        if (n := request.body.get("n", 1)) != 1:
            raise UnsupportedInputError(
                f"{name} has `n={n}`. The Batch API returns one answer for each input: remove `n`."
            )
        return request

    def decode(self, body: Json) -> tuple[AIMessage, UsageMetadata | None]:
        """Return an answer's message, and the tokens that it used."""
        request = Request(path="", body={}, model=self.model, destination=self.destination, tool_names=self._tool_names)
        generation = chat_wire(self.destination.protocol).decode(body, request).generations[0]
        # A wire always decodes an AIMessage; LangChain's type of the field is wider.
        message = cast("AIMessage", generation.message)
        return message, message.usage_metadata


class EmbeddingLineCodec:
    """Encodes texts, one for each line, and decodes vectors."""

    operation: ClassVar[Operation] = "embedding"

    def __init__(self, embeddings: QwenWorkspaceEmbeddings) -> None:
        """Use an embedding model's settings."""
        self._template = embeddings._template("document")  # noqa: SLF001 - this package's
        self.model = self._template.model
        self.destination = self._template.destination
        self.profile = self._template.profile

    def encode(self, value: Any, name: str) -> Request:
        """Return the request for one text."""
        item = text_item(value, name, self.profile, self._template.model)
        call = replace(self._template, inputs=(item.input,))
        return embedding_wire(self.destination.protocol).encode(call)

    def decode(self, body: Json) -> tuple[list[float], UsageMetadata | None]:
        """Return an answer's vector, and the tokens that it used."""
        call = replace(self._template, inputs=("",))
        response = embedding_wire(self.destination.protocol).decode(body, call)
        return response.dense[0], response.usage
