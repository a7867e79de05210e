"""Completes the metadata of distributions, when one is built, with the addresses of the repository and of the site.

The authors do not know where the repository will be, so that its address is given from outside: `PROJECT_URL` and, for
the documentation, `SITE_URL`, which the release workflow sets. Without them no address is stated, and the description
that an index shows has no links into the repository, which would lead nowhere there.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)]+)\)")


class DistributionMetadataHook(MetadataHookInterface):
    """Sets `urls` and `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add both to the metadata of `pyproject.toml`."""
        project, site = (os.environ.get(name, "").rstrip("/") for name in ("PROJECT_URL", "SITE_URL"))
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute_links(text, project)}
        metadata["urls"] = project_urls(project, site)


def absolute_links(text: str, project: str) -> str:
    """Return Markdown whose links into the repository lead to its address; without an address, only their words."""
    return _LINK.sub(rf"[\1]({project}/blob/main/\2)" if project else r"\1", text)


def project_urls(project: str, site: str) -> dict[str, str]:
    """Return the links that an index shows beside the description, under the names that it knows."""
    urls = {"Documentation": site} if site else {}
    if project:
        urls |= {
            "Homepage": project,
            "Source": project,
            "Issues": f"{project}/issues",
            "Changelog": f"{project}/blob/main/CHANGELOG.md",
        }
    return urls
