# %% [markdown]
# # Testing your own application offline
#
# Two fixtures come with the package; pytest finds them by itself. `qwen_workspace` is a workspace of a sandbox, and
# the environment names it for the time of the test, so an application that reads its key there needs no change.
# `qwen_sandbox` is the sandbox: what arrived, and what shall go wrong.

# %%
import os
import subprocess
import sys
import tempfile

os.chdir(tempfile.mkdtemp(prefix="cookbook-"))


def pytest(*arguments):
    """Run pytest in a process of its own, and show what it says."""
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
# Its tests: a real HTTP request leaves the process, so what is tested is what runs.

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


def test_throttled_customer_is_asked_for_patience(qwen_sandbox, qwen_workspace):
    qwen_sandbox.fail_next(status=429, code="Throttling.RateQuota")
    assert reply("Hello") == "Please ask again in a minute."


# %%
pytest("test_application.py")

# %% [markdown]
# Faults on demand: statuses and codes in either wire's words, proxies' HTML, slow answers, connections that drop,
# streams that break after so many events. And what a workspace may not call is refused as the service refuses it:

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
def test_stream_that_breaks(qwen_sandbox, qwen_workspace, protocol):
    qwen_sandbox.fail_next(after_events=3, close=True)
    llm = ChatQwenWorkspace(
        model="qwen-plus", protocol=protocol, workspace=qwen_workspace
    )
    with pytest.raises(StreamInterruptedError):
        list(llm.stream("Count to twenty."))


# %%
pytest("test_permissions.py")
