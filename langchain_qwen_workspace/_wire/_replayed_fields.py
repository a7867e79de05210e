"""Selects which fields of earlier answers are sent back to the model: the reasoning and its ciphertext."""

from collections.abc import Mapping, Sequence

from langchain_core.messages import AIMessage

from langchain_qwen_workspace._seam import PROVIDER, ChatCall, Json
from langchain_qwen_workspace.profiles import profile_of


def is_reasoning_sent(call: ChatCall) -> bool:
    """Return whether earlier reasoning is sent to the model; most models must not get it."""
    return bool(call.parameters.get("preserve_thinking", call.profile.preserve_thinking))


def fields_to_replay(message: AIMessage, call: ChatCall) -> Json:
    """Return the fields of an earlier answer that the model wants back, unchanged.

    Another model cannot read them: a ciphertext is left out if another model or another provider wrote it.

    Args:
        message: The earlier answer, with the fields in `additional_kwargs` or in the `extras` of a reasoning block.
        call: The call that sends it.
    """
    names = call.profile.replayed_fields
    if not names or not _is_by_model(message, call):
        return {}
    blocks = [] if isinstance(message.content, str) else [block for block in message.content if isinstance(block, dict)]
    extras = [block.get("extras") for block in blocks if block.get("type") == "reasoning"]
    fields: Json = {}
    for given in [*extras, message.additional_kwargs]:
        if isinstance(given, Mapping):
            fields.update({name: given[name] for name in sorted(names) if given.get(name)})
    return fields


def _is_by_model(message: AIMessage, call: ChatCall) -> bool:
    """Return whether the model, or another version of it, wrote a message, as far as the message tells."""
    metadata = message.response_metadata
    if metadata.get("model_provider", PROVIDER) != PROVIDER:
        return False
    author = metadata.get("model_name")
    if not isinstance(author, str) or author == call.model:
        return True
    name = call.profile.name
    return bool(name) and profile_of(author).name == name


def with_preserved_thinking(parameters: Json, messages: Sequence[Json], call: ChatCall) -> Json:
    """Return a call's parameters with `preserve_thinking`, if the history has reasoning that the model wants back.

    Without it the service ignores what the messages have of earlier reasoning (Model Studio docs, thinking summary,
    2026-11-16).

    Args:
        parameters: The parameters.
        messages: The encoded messages.
        call: The call.
    """
    names = call.profile.replayed_fields
    if not names or not any(message.keys() & {"reasoning_content", *names} for message in messages):
        return parameters
    return {"preserve_thinking": True, **parameters}
