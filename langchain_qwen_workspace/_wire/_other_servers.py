"""Translates between Model Studio's words and those of other servers: parameters, reasoning and history.

What each server does otherwise is in `data._servers`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._think_tags import ThinkTags, add_tags
from langchain_qwen_workspace.data._servers import REASONING_NAMES, SERVERS_AS_OF, OtherServer
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile

_REASONING_NAME = "reasoning_name"
"""The key of the metadata that says under which name an answer's reasoning arrived."""

_IN_CONTENT = "content"
"""The name that stands for `<think>…</think>` at the beginning of the content."""

_TEMPLATE = "chat_template_kwargs"


def to_parameters_of(server: OtherServer, parameters: Mapping[str, Any], profile: Profile) -> Json:
    """Return a call's parameters as another server reads them.

    Args:
        server: The server.
        parameters: The parameters by Model Studio's names.
        profile: Says whether parameters that the server does not know are refused.

    Raises:
        UnsupportedInputError: The server does not know a parameter, or two parameters contradict each other.
    """
    translated: Json = {}
    for name, value in parameters.items():
        if name in server.unsupported:
            message = f"`{name}` is {value!r:.80}, but {server.title} (`server={server.name!r}`) does not read it here."
            refuse_or_warn(f"{message} Remove it, or name another `server`.", profile, since=SERVERS_AS_OF)
        for sent_name, sent in _translate(server, name, value).items():
            earlier = translated.get(sent_name, sent)
            if isinstance(earlier, Mapping) and isinstance(sent, Mapping):
                sent = {**earlier, **sent}  # noqa: PLW2901 - both are sent
                if all(sent[key] == earlier[key] for key in earlier):
                    earlier = sent
            if earlier != sent:
                raise UnsupportedInputError(
                    f"`{name}` is {value!r:.80}, which {server.title} reads as `{sent_name}`; that is given as well, "
                    f"as {earlier!r:.80}. Pass one of them."
                )
            translated[sent_name] = sent
    return translated


def _translate(server: OtherServer, name: str, value: Any) -> Mapping[str, Any]:
    if name in server.replaced:
        return server.replaced[name][value]
    if name in server.template_parameters:
        return {_TEMPLATE: {name: value}}
    return {server.renamed.get(name, name): value}


def add_reasoning(encoded: Json, reasoning: str, message: AIMessage, server: OtherServer | None) -> None:
    """Add an earlier answer's reasoning to the encoded message, under the name that the server gave it.

    Args:
        encoded: The message as it is sent.
        reasoning: The reasoning.
        message: The message as LangChain has it, which says how its server named the reasoning.
        server: The server, `None` for Model Studio.
    """
    if server is None:
        encoded["reasoning_content"] = reasoning
        return
    metadata = message.response_metadata
    is_own = metadata.get("server") == server.name
    name = metadata.get(_REASONING_NAME) if is_own else None
    if name != _IN_CONTENT:
        encoded[name or server.reasoning_name] = reasoning
    elif isinstance(content := encoded["content"], list):
        encoded["content"] = [{"type": "text", "text": add_tags(reasoning, "")}, *content]
    else:
        encoded["content"] = add_tags(reasoning, content or "")


class AnswerReader:
    """Reads the choices of one answer of another server, with all reasoning under Model Studio's name for it.

    Where a server returns reasoning of its own and the tags as well (llama.cpp's `deepseek-legacy`), the tags repeat
    it and are left out.
    """

    def __init__(self) -> None:
        """Start an answer."""
        self._tags = ThinkTags()
        self._name: str | None = None

    @property
    def facts(self) -> Json:
        """What the answer's metadata says about its reasoning: the name under which it arrived."""
        return {_REASONING_NAME: self._name} if self._name else {}

    def read_whole(self, body: Json) -> Sequence[Json]:
        """Return the choices of a whole response."""
        choices = []
        for choice in body.get("choices") or ():
            self._tags = ThinkTags()
            choices.append(self._read(choice, is_last=True))
        return choices

    def read_event(self, event: Json) -> Sequence[Json]:
        """Return the choices of an event; a stream has one answer."""
        return [self._read(choice, is_last=bool(choice.get("finish_reason"))) for choice in event.get("choices") or ()]

    def _read(self, choice: Json, *, is_last: bool) -> Json:
        key, fields, name = _rename_reasoning(choice)
        self._name = name or self._name
        content = fields.get("content")
        if not (isinstance(content, str) or is_last):
            return {**choice, key: fields}
        thought, text = self._tags.feed(content if isinstance(content, str) else "")
        if is_last:
            more = self._tags.finish()
            thought, text = thought + more[0], text + more[1]
        if self._tags.has_tags and self._name in (None, _IN_CONTENT):
            self._name = _IN_CONTENT
            fields["reasoning_content"] = thought
        if isinstance(content, str) or text:
            fields["content"] = text
        return {**choice, key: fields}


def find_choices(body: Json) -> Sequence[Json]:
    """Return the choices of a response or an event with their reasoning under Model Studio's name; tags stay."""
    return [
        {**choice, key: fields}
        for choice in body.get("choices") or ()
        for key, fields, _ in [_rename_reasoning(choice)]
    ]


def _rename_reasoning(choice: Json) -> tuple[str, Json, str | None]:
    """Return where a choice has its message or delta, that with its reasoning renamed, and the reasoning's name.

    A server that renames it may send it under both names for a time; a value that is not a text is left as it is.
    """
    key = "message" if choice.get("message") else "delta"
    raw: Json = choice.get(key) or {}
    texts = {name: text for name in REASONING_NAMES if isinstance(text := raw.get(name), str)}
    name = next((name for name, text in texts.items() if text), None)
    if name is None:
        return key, dict(raw), None
    repeated = {other for other, text in texts.items() if text in ("", texts[name])}
    fields = {other: value for other, value in raw.items() if other not in repeated}
    return key, {**fields, "reasoning_content": texts[name]}, name
