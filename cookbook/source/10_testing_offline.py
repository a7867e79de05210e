# %% [markdown]
# # Testing your own application offline
#
# **Goal**: test an application that calls Qwen, without a key.
#
# **You need**: Python 3.11, the extra `sandbox`, and pytest. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# The package brings two fixtures, which pytest finds by itself. `qwen_workspace` is a workspace of a sandbox; during the
# test the environment variables name it, so that an application that reads them needs no change. `qwen_sandbox` is the
# sandbox: it records requests, and fails them on demand.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]" pytest
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]" pytest

# %%
import os
import subprocess
import sys
import tempfile

os.chdir(tempfile.mkdtemp(prefix="cookbook-"))


def pytest(*arguments):
    """Run pytest in a process of its own, and print its output."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--color=no",
        *arguments,
    ]
    print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


# %% [markdown]
# An application:

# %%
# %%writefile application.py
from langchain_qwen_workspace import ChatQwenWorkspace, RateLimitError


def reply(question):
    try:
        return ChatQwenWorkspace(model="qwen-plus", max_retries=0).invoke(question).text
    except RateLimitError:
        return "Please ask again in a minute."


# %% [markdown]
# Its tests. The application sends real HTTP requests, so that all of its code is tested:

# %%
# %%writefile test_application.py
from application import reply


def test_question_is_asked(qwen_sandbox, qwen_workspace):
    assert "Where is the West Lake?" in reply("Where is the West Lake?")
    [request] = qwen_sandbox.requests
    assert request.body["messages"] == [
        {"role": "user", "content": "Where is the West Lake?"}
    ]
    assert request.workspace == "pytest"


def test_throttled_customer_is_asked_to_retry_later(qwen_sandbox, qwen_workspace):
    qwen_sandbox.fail_next(status=429, code="Throttling.RateQuota")
    assert reply("Hello") == "Please ask again in a minute."


# %%
pytest("test_application.py")

# %% [markdown]
# The sandbox fails on demand: with the statuses and codes of each protocol, a proxy's HTML, slow responses, dropped
# connections, and streams that are interrupted after some events. It also refuses models that a workspace may not call,
# as the service does:

# %%
# %%writefile test_permissions.py
import pytest

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    PermissionDeniedError,
    StreamInterruptedError,
)


@pytest.mark.parametrize("protocol", ["openai", "dashscope"])
def test_model_that_is_not_granted(qwen_sandbox, protocol):
    team = qwen_sandbox.workspace("team", models=["qwen-flash"])
    with pytest.raises(PermissionDeniedError, match="access denied"):
        ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team).invoke(
            "Hello"
        )


@pytest.mark.parametrize("protocol", ["openai", "dashscope"])
def test_interrupted_stream(qwen_sandbox, qwen_workspace, protocol):
    qwen_sandbox.fail_next(after_events=3, close=True)
    llm = ChatQwenWorkspace(
        model="qwen-plus", protocol=protocol, workspace=qwen_workspace
    )
    with pytest.raises(StreamInterruptedError):
        list(llm.stream("Count to twenty."))


# %%
pytest("test_permissions.py")

# %% [markdown]
# **Next**: [a service that streams](11_fastapi.ipynb).
