"""Asks every external address that the site, the files beside it and the metadata of a distribution name.

    make docs links

Exits with status 1 if an address is gone (HTTP 404 or 410, or a host that does not answer). A server that refuses
programs (HTTP 403, 429, …) is listed and not counted.
"""

import os
import runpy
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.support.site import ROOT, links_of_markdown, links_of_site

FILES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
GONE = {404, 410}
# Names that stand for the reader's own hosts (RFC 2606), and what answers to nobody but an SDK.
_NOT_ASKED = ("example", "example.com", "localhost", "127.0.0.1", "aliyuncs.com")


def external_links(site: Path) -> list[str]:
    """Return all external addresses, without fragments, except those of example hosts and of APIs."""
    texts = "\n".join((ROOT / file).read_text(encoding="utf-8") for file in FILES)
    links = {*links_of_site(site).external, *links_of_markdown(texts), *_metadata_links()}
    plain = {link.partition("#")[0] for link in links if link.startswith(("http://", "https://"))}
    return sorted(link for link in plain if not _is_example(urlsplit(link).hostname or ""))


def _is_example(host: str) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in _NOT_ASKED)


def _metadata_links() -> Iterable[str]:
    """Return the links that an index shows, if the environment says where the repository and the site are."""
    project_urls = runpy.run_path(str(ROOT / "docs" / "_distribution.py"))["project_urls"]
    project, site = (os.environ.get(name, "").rstrip("/") for name in ("PROJECT_URL", "SITE_URL"))
    return [*project_urls(project, site).values()]


def ask(client: httpx.Client, link: str) -> str:
    """Return what became of an address: its HTTP status, or the error's name."""
    for _ in range(3):
        try:
            with client.stream("GET", link) as response:
                return str(response.status_code)
        except httpx.HTTPError as error:
            outcome = type(error).__name__
    return outcome


def is_gone(outcome: str) -> bool:
    """Return whether an outcome means that a reader would find nothing."""
    return int(outcome) in GONE if outcome.isdigit() else True


def main(site: Path) -> int:
    """Print each address with what became of it; return how many are gone."""
    links = external_links(site)
    headers = {"User-Agent": "Mozilla/5.0"}
    with httpx.Client(follow_redirects=True, timeout=30, headers=headers) as client, ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda link: ask(client, link), links))
    for link, outcome in zip(links, outcomes, strict=True):
        sys.stdout.write(f"{'GONE' if is_gone(outcome) else '    '} {outcome:>3} {link}\n")
    return sum(is_gone(outcome) for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
