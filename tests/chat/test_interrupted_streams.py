"""A stream that ends before its answer does: its chunks say what it had used by then."""

from contextlib import aclosing
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceError
from langchain_qwen_workspace._seam import ProtocolName, StreamedChunk, StreamSnapshot
from langchain_qwen_workspace.sandbox import Sandbox

by_protocol = pytest.mark.parametrize("protocol", ["openai", "dashscope"])


class Listener(BaseCallbackHandler):
    """Keeps a run's last chunk, and asks it when the run has failed, as an accountant would."""

    def __init__(self) -> None:
        self.chunk: Any = None
        self.told: list[StreamSnapshot | None] = []

    def on_llm_new_token(self, *_: Any, chunk: Any = None, **__: Any) -> None:
        self.chunk = chunk

    def on_llm_error(self, *_: Any, **__: Any) -> None:
        assert isinstance(self.chunk, StreamedChunk)
        self.told.append(self.chunk.so_far)


def llm_of(sandbox: Sandbox, protocol: ProtocolName, **fields: Any) -> ChatQwenWorkspace:
    team = sandbox.workspace("team")
    return ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team, max_retries=0, **fields)


def check(told: list[StreamSnapshot | None], protocol: ProtocolName, request_id: str) -> None:
    (so_far,) = told
    assert so_far is not None
    assert so_far.request_id == request_id
    if protocol == "openai":
        assert so_far.usage is None  # The compatible protocol counts at the end: unknown, which is not zero.
    else:
        assert so_far.usage is not None
        assert so_far.usage["input_tokens"] > 0
        assert so_far.usage["output_tokens"] > 0


@by_protocol
def test_a_stream_that_nobody_reads_on(protocol: ProtocolName) -> None:
    listener = Listener()
    with Sandbox() as sandbox:
        stream: Any = llm_of(sandbox, protocol).stream("Count from one to ten.", config={"callbacks": [listener]})
        while not next(stream).text:
            pass
        stream.close()
        check(listener.told, protocol, sandbox.requests[-1].request_id)


@by_protocol
async def test_a_stream_that_no_task_reads_on(protocol: ProtocolName) -> None:
    listener = Listener()
    with Sandbox() as sandbox:
        stream: Any = llm_of(sandbox, protocol).astream("Count from one to ten.", config={"callbacks": [listener]})
        async with aclosing(stream):
            async for chunk in stream:
                if chunk.text:
                    break
        check(listener.told, protocol, sandbox.requests[-1].request_id)


@by_protocol
@pytest.mark.parametrize("way", ["stream", "astream", "invoke", "ainvoke"])
async def test_a_stream_that_breaks(protocol: ProtocolName, way: str) -> None:
    listener = Listener()
    config: Any = {"callbacks": [listener]}

    async def read(llm: ChatQwenWorkspace) -> None:
        if way == "stream":
            list(llm.stream("Count from one to ten.", config=config))
        elif way == "invoke":
            llm.invoke("Count from one to ten.", config=config)
        elif way == "ainvoke":
            await llm.ainvoke("Count from one to ten.", config=config)
        else:
            _ = [chunk async for chunk in llm.astream("Count from one to ten.", config=config)]

    with Sandbox() as sandbox:
        # Said as no, `streaming` would keep LangChain from streaming at all.
        llm = llm_of(sandbox, protocol, **({"streaming": True} if way.endswith("invoke") else {}))
        sandbox.fail_next(after_events=4, close=True)
        with pytest.raises(QwenWorkspaceError):
            await read(llm)
        check(listener.told, protocol, sandbox.requests[-1].request_id)
