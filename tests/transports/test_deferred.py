"""The SDK is imported, and certificates are read, with the first request and never in an event loop."""

import asyncio
import subprocess
import sys

import pytest

from tests.support.protocols import ProtocolStub
from tests.support.server import Server

PROGRAM = """
import asyncio, ssl, sys, threading
from importlib.abc import MetaPathFinder
from langchain_qwen_workspace import ChatQwenWorkspace

imported_in = {}
load, loaded_in = ssl.SSLContext.load_verify_locations, set()


def load_verify_locations(*arguments, **named):
    loaded_in.add(threading.current_thread() is threading.main_thread())
    return load(*arguments, **named)


ssl.SSLContext.load_verify_locations = load_verify_locations

class Watch(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {"openai", "dashscope"}:
            imported_in[name] = threading.current_thread() is threading.main_thread()
        return None

sys.meta_path.insert(0, Watch())
protocol, url, way = sys.argv[1:]
llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, base_url=url, api_key="sk-test", max_retries=0)

async def main():
    if way == "ainvoke":
        return (await llm.ainvoke("Hi")).text
    return "".join([chunk.text async for chunk in llm.astream("Hi")])

assert not imported_in, imported_in
assert asyncio.run(main()) == "Hello"
assert imported_in == {protocol: False}, imported_in
assert True not in loaded_in, "Certificates were read in the event loop."
assert asyncio.run(main()) == "Hello"
"""


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
def test_the_first_async_call_imports_the_sdk_in_a_thread(server: Server, stub: ProtocolStub, way: str) -> None:
    server.default = stub.reply_to

    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, stub.protocol, server.url, way], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr


async def test_a_further_model_is_made_in_the_event_loop_once_the_sdk_is_imported(
    server: Server, stub: ProtocolStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread for the first call of each workspace would be a part of its cost, with thousands of them."""
    server.default = stub.reply_to
    await stub.llm(server).ainvoke("Hi")
    monkeypatch.setattr(asyncio, "to_thread", lambda *_: pytest.fail("a thread was used"))
    assert (await stub.llm(server, api_key="sk-another").ainvoke("Hi")).text == "Hello"
