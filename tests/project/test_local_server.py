"""A real local server, MLX LM, with a tiny Qwen3 of random weights: what it is sent is read, and its answers are too.

`make local-server` makes the server's environment, and says where it is.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langchain_qwen_workspace import ChatQwenWorkspace, NotFoundError, QwenWorkspaceEmbeddings
from tests.support import tiny_qwen
from tests.support.ways import sum_chunks

PYTHON = os.environ.get("QWEN_LOCAL_SERVER_PYTHON", "")

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not PYTHON, reason="needs the server's environment: `make local-server`"),
]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-qwen")
    subprocess.run([PYTHON, tiny_qwen.__file__, str(folder)], check=True)  # noqa: S603 - this repository's script
    return folder


@pytest.fixture(scope="module")
def base_url(model_folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [
        PYTHON,
        "-m",
        "mlx_lm",
        "server",
        "--model",
        str(model_folder),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - see above
        try:
            _await_port(port, process)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail("the server does not listen")


@pytest.fixture
def llm(base_url: str, model_folder: Path) -> ChatQwenWorkspace:
    # MLX LM has vLLM's words.
    return ChatQwenWorkspace(
        model=str(model_folder), base_url=base_url, server="vllm", temperature=0, max_tokens=12, max_retries=0
    )


def test_thoughts_become_reasoning(llm: ChatQwenWorkspace) -> None:
    answer = llm.invoke("Hello")
    assert answer.additional_kwargs["reasoning_content"]
    assert (answer.text, answer.response_metadata["reasoning_name"]) == ("", "reasoning")
    assert answer.response_metadata["finish_reason"] == "length"


def test_a_stream_adds_up_to_the_same_answer(llm: ChatQwenWorkspace) -> None:
    streamed, whole = sum_chunks(list(llm.stream("Hello"))), llm.invoke("Hello")
    assert (streamed.additional_kwargs, streamed.text) == (whole.additional_kwargs, whole.text)
    assert streamed.usage_metadata is not None
    assert whole.usage_metadata is not None
    assert streamed.usage_metadata["total_tokens"] == whole.usage_metadata["total_tokens"]


def test_thinking_is_switched_off(llm: ChatQwenWorkspace) -> None:
    answer = llm.invoke("Hello", enable_thinking=False)
    assert answer.text
    assert "reasoning_content" not in answer.additional_kwargs


def test_reasoning_of_the_history_reaches_the_chat_template(llm: ChatQwenWorkspace) -> None:
    def input_tokens(**reasoning: str) -> int:
        history = [HumanMessage("Hello"), AIMessage("Hi", additional_kwargs=reasoning), HumanMessage("On")]
        usage = llm.invoke(history).usage_metadata
        assert usage is not None
        return usage["input_tokens"]

    assert input_tokens(reasoning_content="A long thought about many things.") > input_tokens()


def test_a_path_that_the_server_does_not_have_is_not_found(base_url: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        QwenWorkspaceEmbeddings(model="none", base_url=base_url).embed_query("Hello")
    assert caught.value.server == "openai"
