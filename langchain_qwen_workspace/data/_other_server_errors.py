"""What to do about the errors of servers that are not Model Studio."""

from collections.abc import Mapping

from langchain_qwen_workspace.errors import (
    AuthenticationError,
    ContextLengthError,
    NotFoundError,
    QwenWorkspaceError,
)

HINTS_OF_OTHER_SERVERS: Mapping[type[QwenWorkspaceError], str] = {
    AuthenticationError: (
        "The server at `base_url` needs a key of its own: pass it as `api_key=`. It never gets the environment's "
        "DASHSCOPE_API_KEY."
    ),
    NotFoundError: (
        "Check that the server at `base_url` serves {model} (its `/v1/models` lists the names of its models), and that "
        "`base_url` ends in the path of its OpenAI-compatible API, such as `/v1`."
    ),
    ContextLengthError: "Shorten the conversation, or start the server with a longer context.",
}
"""The hint for each class of error; for any other there is none, since Model Studio's do not apply."""
