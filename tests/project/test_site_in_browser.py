"""The built site in a real browser: readable in light and dark and on a phone, and tables that filter and sort."""

import os
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.support.browser import needs_browser, run_browser
from tests.support.site import ROOT, build_site

pytest.importorskip("material", reason="builds the site: dependency group `docs`")
pytest.importorskip("selenium.webdriver", reason="drives the browser: dependency group `cookbook`")
axe = pytest.importorskip("axe_core_python", reason="checks the pages: dependency group `docs`")

pytestmark = [pytest.mark.nightly, needs_browser]

SCHEMES = {"light": "default", "dark": "slate"}
WIDTHS = {"desktop": 1280, "phone": 390}
# Boxes are opened: axe takes what lies behind a closed one for the background of its content.
WITHOUT_TRANSITIONS = """
document.body.setAttribute("data-md-color-scheme", arguments[0]);
const style = document.createElement("style");
style.textContent = "* { transition: none !important }";
document.head.append(style);
document.querySelectorAll("details").forEach((box) => { box.open = true });
"""
VIOLATIONS = """
const done = arguments[arguments.length - 1];
axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }).then((results) => done(
  results.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`))
));
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if built := os.environ.get("BUILT_SITE"):
        return ROOT / built
    folder = tmp_path_factory.mktemp("site")
    build_site(folder)
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with run_browser(tmp_path_factory.mktemp("browser")) as driver:
        driver.set_script_timeout(240)
        yield driver


def _pages(site: Path) -> list[Path]:
    """Return all pages but that of unknown addresses, whose own addresses begin at a server's root."""
    return [page for page in sorted(site.rglob("*.html")) if page.name != "404.html"]


def _resize(browser: Any, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _show(browser: Any, page: Path, scheme: str, width: int) -> None:
    _resize(browser, width)
    browser.get(page.as_uri())
    browser.execute_script(WITHOUT_TRANSITIONS, SCHEMES[scheme])


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_page_violates_wcag_aa(site: Path, browser: Any, scheme: str, width: str) -> None:
    source = (Path(str(import_module("axe_core_python").__path__[0])) / "axe.min.js").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for page in _pages(site):
        _show(browser, page, scheme, WIDTHS[width])
        browser.execute_script(source)
        if violations := browser.execute_async_script(VIOLATIONS):
            found[page.relative_to(site).as_posix()] = violations
    assert found == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_window(site: Path, browser: Any, width: str) -> None:
    wide = []
    for page in _pages(site):
        _show(browser, page, "light", WIDTHS[width])
        if browser.execute_script("return document.documentElement.scrollWidth > innerWidth"):
            wide.append(page.relative_to(site).as_posix())
    assert wide == []


# The source of the API is as wide as the package's files; a table of several hundred numbers may scroll.
@pytest.mark.parametrize(
    ("what", "boxes"),
    [
        ("code", "pre > code:not(.mkdocstrings-source code, .output code)"),
        ("table", ".md-typeset__scrollwrap, .table-box"),
    ],
)
def test_nothing_is_cut_at_1280_pixels(site: Path, browser: Any, what: str, boxes: str) -> None:
    cut = {}
    for page in _pages(site):
        _show(browser, page, "light", 1280)
        if wide := browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter(box => box.clientWidth && box.scrollWidth > box.clientWidth + 1).map(box => box.innerText)",
            boxes,
        ):
            cut[page.relative_to(site).as_posix()] = wide
    assert cut == {}, what


@pytest.mark.parametrize("width", WIDTHS)
def test_the_link_of_a_heading_takes_no_line(site: Path, browser: Any, width: str) -> None:
    higher = {}
    for page in _pages(site):
        _show(browser, page, "light", WIDTHS[width])
        if found := browser.execute_script(
            "return [...document.querySelectorAll('.md-typeset .headerlink')].filter(link => {"
            "  const heading = link.parentElement, height = heading.offsetHeight;"
            "  link.style.display = 'none'; return heading.offsetHeight < height"
            "}).map(link => link.parentElement.innerText)"
        ):
            higher[page.relative_to(site).as_posix()] = found
    assert higher == {}


@pytest.fixture
def models(site: Path, browser: Any) -> Any:
    """Return the browser with the page of models open."""
    _show(browser, site / "reference" / "models.html", "light", 1280)
    return browser


ROWS = (
    "return [...document.querySelector('.table-box').querySelectorAll('tbody tr:not([hidden])')].map(r => r.innerText)"
)


def test_the_table_of_models_is_filtered_by_the_words_that_are_typed(models: Any) -> None:
    models.find_element("css selector", ".table-filter input").send_keys("qwen3 IMAGE")
    rows = models.execute_script(ROWS)
    assert rows
    assert [row for row in rows if not ("qwen3" in row and "image" in row)] == []


@pytest.mark.parametrize(("clicks", "order"), [(1, "ascending"), (2, "descending")])
def test_the_table_of_models_is_sorted_by_clicks_on_a_header(models: Any, clicks: int, order: str) -> None:
    header = models.find_element("xpath", "//div[@class='table-box']//th[starts-with(., 'Context')]")
    for _ in range(clicks):
        header.find_element("tag name", "button").click()
    numbers = models.execute_script(
        "const n = arguments[0].cellIndex;"
        "return [...arguments[0].closest('table').tBodies[0].rows].map(r => r.cells[n].innerText).filter(Boolean)",
        header,
    )
    sizes = [int(number.replace(",", "")) for number in numbers]
    assert (header.get_attribute("aria-sort"), sizes) == (order, sorted(sizes, reverse=order == "descending"))


def test_header_and_first_column_stay_while_the_table_scrolls(models: Any) -> None:
    places = models.execute_script(
        "const b = document.querySelector('.table-box'); b.style.width = '500px'; b.scrollTo(300, 800);"
        "const at = (e) => e.getBoundingClientRect(), box = at(b);"
        "return [at(b.querySelector('th')).top - box.top, at(b.querySelectorAll('tr')[30].cells[0]).left - box.left]"
    )
    assert max(places) <= 2


def test_no_cell_of_the_models_has_four_lines(models: Any) -> None:
    tall = models.execute_script(
        "return [...document.querySelectorAll('.table-box td')].filter(c => {"
        "  const s = getComputedStyle(c);"
        "  const range = document.createRange(); range.selectNodeContents(c);"
        "  return range.getBoundingClientRect().height > 3.5 * parseFloat(s.lineHeight) }).map(c => c.innerText)"
    )
    assert tall == []


class _Pages(SimpleHTTPRequestHandler):
    """Serves a folder as hosts of static sites do: under an unknown address, the page `404.html`."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.error_message_format = (Path(self.directory) / "404.html").read_text(encoding="utf-8").replace("%", "%%")
        super().send_error(code, message, explain)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Print nothing."""


@pytest.fixture
def unknown_page(site: Path, browser: Any) -> Iterator[Any]:
    """Return the browser with an unknown address of a served site open, two folders below its root."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, directory=str(site))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        _resize(browser, 1280)
        browser.get(f"http://127.0.0.1:{server.server_port}/how-to/deep/missing.html")
        yield browser
        server.shutdown()


def test_the_page_of_an_unknown_address_loads_its_style_and_links_to_pages(unknown_page: Any) -> None:
    links = unknown_page.execute_script(
        "return [...document.querySelectorAll('a[href], link[href], script[src]')].map(e => e.href || e.src)"
    )
    inside = {link.partition("#")[0] for link in links if link.startswith("http://127.0.0.1")} - {
        unknown_page.current_url
    }
    assert inside
    assert {link for link in inside if not _is_found(link)} == set()


def _is_found(link: str) -> bool:
    try:
        with urlopen(link) as response:  # noqa: S310 - loopback
            return bool(response.status == HTTPStatus.OK)
    except HTTPError:
        return False


def test_the_search_works_on_the_page_of_an_unknown_address(unknown_page: Any) -> None:
    unknown_page.find_element("css selector", ".md-search__input").send_keys("rate limit")
    unknown_page.implicitly_wait(20)
    first = unknown_page.find_element("css selector", ".md-search-result__link").get_attribute("href")
    assert _is_found(first), first
