"""The cookbook's service in a real browser: what arrives is on the page as it arrives, and nothing is asked twice."""

import os
import socket
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.browser import needs_browser, run_browser

pytest.importorskip("selenium.webdriver", reason="drives the browser: dependency group `cookbook`")
pytest.importorskip("fastapi", reason="the cookbook's entry needs it: dependency group `cookbook`")

pytestmark = [pytest.mark.nightly, needs_browser]
COOKBOOK = Path(__file__).parent.parent.parent / "cookbook"
QUESTION = "Where is the West Lake?"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with run_browser(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def page(browser: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the browser with the service's page open."""
    monkeypatch.syspath_prepend(str(COOKBOOK))
    app = import_module("fastapi_service").service(sandbox.workspace("browser"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        browser.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        yield browser
        browser.get("about:blank")
        server.should_exit = True
        thread.join(10)


def ask(page: Any) -> None:
    page.find_element("name", "question").send_keys(QUESTION)
    page.find_element("tag name", "button").click()


def text_in(page: Any, place: str) -> str:
    text: str = page.find_element("id", place).text
    return text


def wait_for(page: Any, place: str) -> str:
    """Return what stands in a place of the page, once something does."""
    wait = import_module("selenium.webdriver.support.ui").WebDriverWait(page, 30)
    text: str = wait.until(lambda _: text_in(page, place))
    return text


def test_answer_is_shown(page: Any, sandbox: Sandbox) -> None:
    ask(page)

    assert wait_for(page, "used").endswith(" tokens")
    assert QUESTION in text_in(page, "reasoning")
    assert text_in(page, "text") == f'This is the Model Studio sandbox, not a language model. You said: "{QUESTION}"'
    assert text_in(page, "failure") == ""
    assert len(sandbox.requests) == 1
    if folder := os.environ.get("SCREENSHOTS"):
        page.save_screenshot(str(Path(folder) / "fastapi_service.png"))


def test_parts_are_shown_as_they_arrive(page: Any, sandbox: Sandbox) -> None:
    """The model has said something and waits: the page shows it, and not yet what the answer used."""
    sandbox.fail_next(after_events=6, delay=8.0)

    ask(page)

    assert wait_for(page, "reasoning").startswith("The user said")
    assert (text_in(page, "text"), text_in(page, "used")) == ("", "")


def test_a_stream_that_breaks_raises_and_is_not_sent_again(page: Any, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=503, code="ServiceUnavailable", after_events=4)

    ask(page)

    assert wait_for(page, "failure").startswith("ServerError. ")
    assert text_in(page, "reasoning").startswith("The user said")
    # A browser's own pause before it asks again is 3 seconds.
    page.execute_async_script("setTimeout(arguments[0], 4000)")
    assert len(sandbox.requests) == 1
