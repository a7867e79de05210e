"""The built site: where it is, its pages, what its search finds, and where its links lead."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

ROOT = Path(__file__).parent.parent.parent
_SEARCH = Path(__file__).parent / "site_search.js"
_LINKING = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


def build_site(folder: Path) -> None:
    """Build the site into a folder, as `make docs` does."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)  # noqa: S603 - no input from outside


def search_site(site: Path, node: str, queries: list[str]) -> list[list[str]]:
    """Return the pages that the site's own search finds for each query, best first."""
    [worker] = (site / "assets" / "javascripts" / "workers").glob("search.*.min.js")
    command = [node, str(_SEARCH), str(worker), str(site / "search" / "search_index.json")]
    done = subprocess.run(command, input="\n".join(queries), capture_output=True, text=True, check=True)  # noqa: S603 - as above
    return [json.loads(line) for line in done.stdout.splitlines()]


@dataclass
class _Page(HTMLParser):
    """Collects the links of a page and the names that links can lead to."""

    links: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's id and link."""
        values = dict(attrs)
        self.anchors |= {name for name in (values.get("id"), values.get("name") if tag == "a" else None) if name}
        if target := values.get(_LINKING.get(tag, "")):
            (self.links if tag == "a" or values.get("rel") == "canonical" else self.loaded).add(target)


def _read_page(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


@dataclass
class Links:
    """The links of a site: dead internal ones with their page, external ones, and what other hosts serve."""

    dead: list[tuple[str, str]] = field(default_factory=list)
    external: set[str] = field(default_factory=set)
    loaded_from_elsewhere: set[str] = field(default_factory=set)


def links_of_site(site: Path) -> Links:
    """Return the links of all pages of a built site."""
    pages = {path.relative_to(site).as_posix(): _read_page(path) for path in sorted(site.rglob("*.html"))}
    found = Links()
    for name, page in pages.items():
        # The page of an unknown address is shown under any address: its links begin with the path of `SITE_URL`.
        root = urlsplit(os.environ.get("SITE_URL", "")).path.rstrip("/") if name == "404.html" else ""
        for link in sorted(page.links | page.loaded):
            target = urlsplit(urljoin(f"http://site/{name}", link.removeprefix(root)))
            if target.netloc != "site":
                kind = found.loaded_from_elsewhere if link in page.loaded else found.external
                kind |= {link} if target.scheme in ("http", "https") else set()
                continue
            path = unquote(target.path).lstrip("/") or "index.html"
            anchors = pages[path].anchors if path in pages else None
            is_dead = not (site / path).is_file() or (anchors is not None and bool(_missing(target.fragment, anchors)))
            found.dead += [(name, link)] if is_dead else []
    return found


def _missing(fragment: str, anchors: set[str]) -> bool:
    """Return whether a fragment names nothing; `__…` are names of the theme's script."""
    return bool(fragment) and not fragment.startswith("__") and unquote(fragment) not in anchors


def links_of_markdown(text: str) -> set[str]:
    """Return the targets of the links and pictures of a Markdown text, outside of code."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    return set(re.findall(r"\]\(([^)\s]+)\)", prose)) | set(re.findall(r"<(https?://[^>\s]+)>", prose))
