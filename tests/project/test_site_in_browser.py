"""The built site in a real browser: readable in light and dark and on a phone, and tables that filter and sort."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import needs_browser, run_browser
from tests.support.site import build_site

pytest.importorskip("material", reason="builds the site: dependency group `docs`")
pytest.importorskip("selenium.webdriver", reason="drives the browser: dependency group `cookbook`")
axe = pytest.importorskip("axe_core_python", reason="checks the pages: dependency group `docs`")

pytestmark = [pytest.mark.nightly, needs_browser]

SCHEMES = {"light": "default", "dark": "slate"}
WIDTHS = {"desktop": 1280, "phone": 390}
WITHOUT_TRANSITIONS = """
document.body.setAttribute("data-md-color-scheme", arguments[0]);
const style = document.createElement("style");
style.textContent = "* { transition: none !important }";
document.head.append(style);
"""
VIOLATIONS = """
const done = arguments[arguments.length - 1];
axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }).then((results) => done(
  results.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`))
));
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
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


def _show(browser: Any, page: Path, scheme: str, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
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


@pytest.fixture
def models(site: Path, browser: Any) -> Any:
    """Return the browser with the page of models open."""
    _show(browser, site / "reference" / "models.html", "light", 1280)
    return browser


ROWS = (
    "return [...document.querySelector('.table-box').querySelectorAll('tbody tr:not([hidden])')].map(r => r.innerText)"
)


def test_the_table_of_models_is_filtered_by_words(models: Any) -> None:
    models.execute_script(
        "const i = document.querySelector('.table-filter input'); i.value = 'qwen3 IMAGE';"
        "i.dispatchEvent(new Event('input'))"
    )
    rows = models.execute_script(ROWS)
    assert rows
    assert [row for row in rows if not ("qwen3" in row and "image" in row)] == []


def test_the_table_of_models_is_sorted_by_a_click_on_a_number(models: Any) -> None:
    click = (
        "[...document.querySelectorAll('.table-box th button')].find(b => b.innerText.startsWith('Context')).click()"
    )
    models.execute_script(click)
    numbers = models.execute_script(
        "const t = document.querySelector('.table-box table');"
        "const n = [...t.tHead.rows[0].cells].findIndex(c => c.ariaSort === 'ascending');"
        "return [...t.tBodies[0].rows].map(r => r.cells[n].innerText).filter(Boolean)"
    )
    sizes = [int(number.replace(",", "")) for number in numbers]
    assert sizes == sorted(sizes)


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
