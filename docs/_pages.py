"""The pages that are made when the site is built, so that no copy of them can be out of date.

The tables of models and of failures come from the package's own tables, the cookbook's pages from its notebooks, and
changelog and the like from the files beside the package.
"""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from langchain_qwen_workspace._workspace.endpoints import REGIONS
from langchain_qwen_workspace.data._errors import ERROR_ROWS, ErrorRow
from langchain_qwen_workspace.profiles import Profile, catalogue

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "cookbook").glob("*.ipynb"))
# Tables that take the whole width.
WIDE = ["---", "hide: [navigation, toc]", "---", ""]
COPIES = {f"about/{name.lower()}.md": f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those that are written."""
    pages: dict[str, str | bytes] = {
        "reference/models.md": models(),
        "reference/failures.md": failures(),
        "cookbook/index.md": cookbook(),
        **{page: (ROOT / source).read_text() for page, source in COPIES.items()},
    }
    for path in NOTEBOOKS:
        pages |= notebook(path)
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    return files


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the notebooks where the navigation names their folder."""
    for entry in config.nav or []:
        if entry.get("Cookbook") == "cookbook/":
            entry["Cookbook"] = ["cookbook/index.md", *(f"cookbook/{path.stem}.md" for path in NOTEBOOKS)]
    return config


# ------------------------------------------------------------------------------------------------------------ models

_THINKS = {"none": "no", "off": "if told", "on": "by default", "only": "always", "unknown": "?"}
_STREAMS = {
    "optional": "if asked",
    "thinking": "to think",
    "tools_or_audio": "for tools, speech",
    "required": "always",
}
_JSON = {
    "none": "no",
    "object": "object",
    "object_non_thinking": "object, not thinking",
    "schema": "schema",
    "unknown": "?",
}
_SEARCHES = {"none": "no", "responses": "no", "unknown": "?"}


def _count(number: int | None) -> str:
    return f"{number:,}" if number else ""


def _yes(value: bool | None) -> str:
    return "?" if value is None else "yes" if value else "no"


def _protocols(profile: Profile) -> str:
    return "both" if len(profile.protocols) > 1 else "".join(f"`{protocol}`" for protocol in profile.protocols)


# So that a row is a line.
_SHORT = {
    "cn-beijing": "BJ",
    "ap-southeast-1": "SG",
    "us-east-1": "US",
    "cn-hongkong": "HK",
    "eu-central-1": "DE",
    "ap-northeast-1": "JP",
}

_Column = Callable[[Profile], str]
_FIRST: dict[str, _Column] = {"Model": lambda p: f"`{p.name}`", "Protocols": _protocols}
_LAST: dict[str, _Column] = {
    "Regions": lambda p: " ".join(_SHORT[region] for region in REGIONS if region in p.regions),
    "Ends": lambda p: f"{p.retired}, {p.retirement}" if p.retired else "",
}
_COLUMNS: dict[str, dict[str, _Column]] = {
    "chat": {
        "Reads": lambda p: ", ".join(medium for medium in ("text", "image", "video", "audio") if medium in p.inputs),
        "Thinks": lambda p: _THINKS[p.thinking],
        "Streamed": lambda p: _STREAMS[p.streaming],
        "Tools": lambda p: _yes(p.tool_calling),
        "One forced": lambda p: _yes("function" in p.tool_choice) if p.tool_calling else "",
        "JSON": lambda p: _JSON[p.json_output],
        "Searches": lambda p: _SEARCHES.get(p.web_search, "yes"),
        "Context": lambda p: _count(p.context),
        "Answer": lambda p: _count(p.max_output_tokens),
        "Native": lambda p: p.native_endpoint,
    },
    "embedding": {
        "Reads": lambda p: ", ".join(medium for medium in ("text", "image", "video") if medium in p.inputs),
        "Components": lambda p: ", ".join(f"**{n}**" if n == p.default_dimension else f"{n}" for n in p.dimensions),
        "Rows": lambda p: _count(p.max_rows),
        "Tokens of a row": lambda p: _count(p.max_row_tokens),
        "Sparse": lambda p: _yes(p.sparse),
        "Instruction": lambda p: _yes(p.instruct),
    },
    "rerank": {
        "Documents": lambda p: _count(p.max_documents),
        "Tokens of one": lambda p: _count(p.max_item_tokens),
        "Tokens of all": lambda p: _count(p.max_request_tokens),
        "Instruction": lambda p: _yes(p.instruct),
    },
}
_TITLES = {"chat": "Chat", "embedding": "Embeddings", "rerank": "Reranking"}


def models() -> str:
    """Return the page of protocols, capabilities and models, from the package's profiles."""
    lines = [
        *WIDE,
        "# Models",
        "",
        (
            "What the package knows of each model, and acts upon. A name that is not listed works too: it takes its "
            "family's row, or nothing is ruled out. Snapshots (`-2025-07-28`, `-latest`) are the models they are "
            "snapshots of. [`profile_of`](profiles.md) gives a row in Python."
        ),
        "",
        "Made from `langchain_qwen_workspace.profiles`. Sources and their dates stand beside the rows.",
        "",
        "*Streamed* says when a call has to be, *one forced* whether a tool can be named that must be called. Regions: "
        + ", ".join(f"{short} {REGIONS[region].name}" for region, short in _SHORT.items() if region in REGIONS),
    ]
    for kind, columns in _COLUMNS.items():
        table = _FIRST | columns | _LAST
        lines += ["", f"## {_TITLES[kind]}", "", _row(table), _row("---" for _ in table)]
        lines += [_row(cell(profile) for cell in table.values()) for profile in catalogue() if profile.kind == kind]
    return "\n".join(lines)


def _row(cells: Iterator[str] | dict[str, _Column]) -> str:
    return f"| {' | '.join(cells)} |"


# ---------------------------------------------------------------------------------------------------------- failures


def failures() -> str:
    """Return the page of failures and what to do, from the table by which the package tells them apart."""
    lines = [
        *WIDE,
        "# What went wrong, and what to do",
        "",
        (
            "The service says what went wrong by a status, a code and a text; the same failure has several, and some "
            "texts mean something else than their code. This is the table by which the package tells them apart, and "
            "the hint that each error carries, with the model, region and workspace of the call in it. Text counts "
            "before code, code before status."
        ),
        "",
        "Made from `langchain_qwen_workspace.data._errors`.",
        "",
        "| Error | Sent again | Hint | Known by |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| [`{row.error_class.__name__}`][langchain_qwen_workspace.errors.{row.error_class.__name__}] "
        f"| {_yes(row.error_class.is_retryable)} | {_plain(row.hint)} | {'<br>'.join(_known_by(row))} |"
        for row in ERROR_ROWS
        if _known_by(row)
    ]
    return "\n".join(lines)


def _known_by(row: ErrorRow) -> list[str]:
    """Return the statuses, codes and texts by which a row is known."""
    statuses = [f"HTTP {status}" for status in row.statuses]
    return [*statuses, *(f"`{code}`" for code in row.codes), *(f"“{_plain(text)}”" for text in row.texts)]


def _plain(text: str) -> str:
    """Return a text whose signs mean nothing in Markdown outside of code."""
    parts = re.split(r"(`[^`]*`)", text.replace("|", "\\|"))
    return "".join(part if part.startswith("`") else re.sub(r"([\[\]<>*_])", r"\\\1", part) for part in parts)


# ---------------------------------------------------------------------------------------------------------- cookbook


def _title(path: Path) -> str:
    return str(nbformat.read(path, 4).cells[0].source.partition("\n")[0].removeprefix("# "))


def cookbook() -> str:
    """Return the list of the cookbook's entries."""
    lines = [
        "# Cookbook",
        "",
        (
            "Each is read in five minutes, and runs as it is: with `DASHSCOPE_API_KEY` in the environment the service "
            "answers, without it the offline sandbox, which is no language model and says so. The outputs here are the "
            "sandbox's; the tests fail when one is not what comes out."
        ),
        "",
    ]
    lines += [f"{number}. [{_title(path)}]({path.stem}.md)" for number, path in enumerate(NOTEBOOKS, 1)]
    return "\n".join(lines)


def notebook(path: Path) -> dict[str, str | bytes]:
    """Return a notebook as a page, and its pictures."""
    pictures: dict[str, str | bytes] = {}
    lines: list[str] = []
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            lines += [_links(cell.source), ""]
            continue
        lines += ["```python", cell.source, "```", ""]
        for output in cell.outputs:
            data = {"text/plain": output.text} if output.output_type == "stream" else output.data
            lines += ['<div class="output" markdown>', ""]
            if "image/png" in data:
                name = f"{path.stem}-{len(pictures) + 1}.png"
                pictures[f"cookbook/{name}"] = base64.b64decode(data["image/png"])
                lines += [f"![What the cell drew]({name})"]
            elif "text/markdown" in data:
                lines += [data["text/markdown"]]
            else:
                lines += ["```text", data["text/plain"].rstrip(), "```"]
            lines += ["", "</div>", ""]
    return {f"cookbook/{path.stem}.md": "\n".join(lines), **pictures}


def _links(text: str) -> str:
    """Return a text without the links to scripts, which are not part of the site."""
    return re.sub(r"\[([\w.]+\.py)\]\([\w.]+\.py\)", r"`cookbook/\1`", text)
