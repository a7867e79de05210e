"""Making a model: names of its fields, its profile, and the HTTP clients that a user gives it."""

import asyncio
import copy
import time
from typing import Any

import httpx
import httpx2
import pytest
from langchain_core.messages import HumanMessage

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._protocols import transport_for
from langchain_qwen_workspace._seam import Request
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Server

NOWHERE = "http://127.0.0.1:9"
by_library = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])


def test_making_a_model_takes_under_ten_milliseconds(stub: ProtocolStub) -> None:
    stub.llm(NOWHERE)
    started = time.process_time()

    for number in range(100):
        stub.llm(NOWHERE, temperature=number / 100)

    # An SDK's client takes 20 ms and more, so that none is made here.
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("field", "other", "value"), [("model", "model_name", "m"), ("timeout", "request_timeout", 3.0)]
)
def test_langchains_other_names_of_fields_are_accepted(field: str, other: str, value: Any) -> None:
    arguments: dict[str, Any] = {"model": "qwen-plus", "api_key": "sk-test", other: value}
    if field == "model":
        del arguments["model"]

    assert getattr(ChatQwenWorkspace(**arguments), field) == value


@pytest.mark.parametrize(
    ("other", "field"), [("model_name", "model"), ("request_timeout", "timeout"), ("stop_sequences", "stop")]
)
def test_a_field_given_under_two_names_is_refused(other: str, field: str) -> None:
    with pytest.raises(ValueError, match=f"`{other}` and `{field}` are two names of one field. Pass one of them."):
        OPENAI.llm(NOWHERE, **{other: 1, field: 1})


def test_a_given_profile_replaces_the_catalogues() -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", api_key="sk-test", profile={"max_input_tokens": 5})

    assert llm.profile == {"max_input_tokens": 5}


def test_models_do_not_share_a_profile() -> None:
    one, two = (ChatQwenWorkspace(model="qwen-plus", api_key="sk-test") for _ in range(2))
    assert one.profile is not None
    assert two.profile is not None

    one.profile["max_input_tokens"] = 1

    assert two.profile["max_input_tokens"] == 997_952
    assert two.model_dump().get("profile") is None


# ------------------------------------------------------------------------------------------------ the user's client


@pytest.mark.filterwarnings("ignore:.*is not a parameter that Model Studio documents")
@by_library
def test_clients_of_both_http_libraries_are_used(server: Server, stub: ProtocolStub, library: Any) -> None:
    server.default = stub.reply_to

    with library.Client(headers={"x-mine": "yes"}) as client:
        stub.llm(server, http_client=client).invoke("Hi")

    assert server.requests[0].headers["x-mine"] == "yes"


def test_a_deep_copy_shares_the_users_client() -> None:
    with httpx.Client() as client:
        llm = OPENAI.llm(NOWHERE, http_client=client)

        assert copy.deepcopy(llm).http_client is client
        assert llm.model_copy(deep=True).http_client is client


@pytest.mark.parametrize("wrong", ["http://proxy", 3])
def test_anything_but_a_client_is_refused(server: Server, stub: ProtocolStub, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"`http_client` is .* Expected"):
        stub.llm(server, http_client=wrong).invoke("Hi")


def uncached_transport(llm: ChatQwenWorkspace) -> tuple[Any, Request]:
    """Return a transport that nobody else holds, so that it ends with its last use here, and a request for it."""
    _, request = llm._prepare([HumanMessage("Hi")], None, {}, stream=False)
    connection = llm.resolved_workspace()._connection(
        llm.protocol,
        timeout=llm.timeout,
        max_retries=llm.max_retries,
        http_client=llm.http_client,
        http_async_client=llm.http_async_client,
    )
    transport = transport_for.__wrapped__(llm.protocol, connection)
    return transport, request


@by_library
def test_the_users_client_stays_open_when_its_transport_ends(server: Server, stub: ProtocolStub, library: Any) -> None:
    server.default = stub.reply_to

    with library.Client() as client:
        llm = stub.llm(server, http_client=client)
        transport, request = uncached_transport(llm)
        transport.send(request)
        del transport

        assert not client.is_closed
        llm.invoke("Hi")


@by_library
async def test_the_users_async_client_stays_open_when_its_transport_ends(
    server: Server, stub: ProtocolStub, library: Any
) -> None:
    server.default = stub.reply_to

    async with library.AsyncClient() as client:
        llm = stub.llm(server, http_async_client=client)
        transport, request = uncached_transport(llm)
        await transport.asend(request)
        del transport
        await asyncio.sleep(0.01)

        assert not client.is_closed
        await llm.ainvoke("Hi")
