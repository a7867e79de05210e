"""What type checkers are told that components take is what they take at run time."""

from typing import get_type_hints

import pytest
from pydantic import BaseModel

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceEmbeddings, QwenWorkspaceRerank
from langchain_qwen_workspace._chat.parameters import ALIASES
from langchain_qwen_workspace._fields import init_types
from langchain_qwen_workspace._wire.parameters import PARAMETERS

_KEY_ALIAS = {"dashscope_api_key"}


@pytest.mark.parametrize(
    ("component", "arguments", "without_field"),
    [
        (ChatQwenWorkspace, init_types.ChatArguments, PARAMETERS.keys() | ALIASES.keys()),
        (QwenWorkspaceEmbeddings, init_types.EmbeddingsArguments, set()),
        (QwenWorkspaceRerank, init_types.RerankArguments, set()),
    ],
)
def test_the_typed_arguments_are_the_fields_and_what_is_accepted_beside_them(
    component: type[BaseModel], arguments: type, without_field: set[str]
) -> None:
    model = set() if component is ChatQwenWorkspace else {"model"}  # Named in the signature itself.
    assert set(get_type_hints(arguments)) | model == component.model_fields.keys() | without_field | _KEY_ALIAS


def test_the_workspace_arguments_of_components_are_those_of_a_workspace() -> None:
    typed = set(get_type_hints(init_types.WorkspaceArguments))
    assert typed == QwenWorkspace.model_fields.keys() | {"workspace"} | _KEY_ALIAS
