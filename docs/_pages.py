"""MkDocs hook that generates pages when the site is built, so that none of them can be out of date.

The tables of models and errors come from the package's tables, the cookbook's pages from its notebooks, and the
changelog and similar pages from the files in the repository's root.
"""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from langchain_qwen_workspace._protocols import documented_protocols
from langchain_qwen_workspace._verify.beliefs import Belief, load_beliefs
from langchain_qwen_workspace._workspace.endpoints import REGIONS
from langchain_qwen_workspace.data._errors import ERROR_ROWS, ErrorRow
from langchain_qwen_workspace.profiles import Profile, catalogue

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "cookbook").glob("*.ipynb"))
# Front matter of pages with wide tables.
WIDE = ["---", "hide: [navigation, toc]", "---", ""]
COPIES = {f"about/{name.lower()}.md": f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")}
# The page of the site that shows a file or folder beside `docs`.
_SHOWN_ON = {
    "README.md": "index.md",
    "cookbook": "cookbook/index.md",
    **{f"cookbook/{path.name}": f"cookbook/{path.stem}.md" for path in NOTEBOOKS},
    **{source: page for page, source in COPIES.items()},
}

# What the sides of a page leave out, for wide tables, outputs and code, by the beginning of the page's path.
_HIDDEN = {"about/security": ["navigation", "toc"], "cookbook/": ["toc"], "README.": ["toc"]}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    pages: dict[str, str | bytes] = {
        "reference/models.md": models_page(),
        "reference/failures.md": errors_page(),
        "reference/beliefs.md": beliefs_page(),
        "cookbook/index.md": cookbook_page(),
        **{page: (ROOT / source).read_text() for page, source in COPIES.items()},
    }
    for path in NOTEBOOKS:
        pages |= notebook_page(path)
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    return files


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace the cookbook's folder in the navigation with the list of its notebooks; link no unknown repository."""
    if not config.repo_url:
        config.edit_uri = None
    for entry in config.nav or []:
        if entry.get("Cookbook") == "cookbook/":
            entry["Cookbook"] = ["cookbook/index.md", *(f"cookbook/{path.stem}.md" for path in NOTEBOOKS)]
    return config


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Replace links to files beside `docs`, which work in the repository, with links to their pages of the site.

    Copies and translations have no front matter, which the repository would show, so that their widths are set here.
    """
    if hidden := next((hidden for start, hidden in _HIDDEN.items() if page.file.src_uri.startswith(start)), None):
        page.meta["hide"] = hidden
    files = "|".join(map(re.escape, _SHOWN_ON))
    link = re.compile(rf"\]\(\.\./((?:\.\./)*)({files})(?=[#)])")
    return link.sub(lambda found: f"]({found[1]}{_SHOWN_ON[found[2]]}", markdown)


# ------------------------------------------------------------------------------------------------------------ models

_THINKS = {"none": "no", "off": "if asked", "on": "by default", "only": "always", "unknown": "?"}
_STREAMS = {
    "optional": "no",
    "thinking": "when thinking",
    "tools_or_audio": "with tools or speech",
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
    return ", ".join(f"`{protocol}`" for protocol in sorted(documented_protocols(profile)))


# Abbreviations, so that a row fits on a line.
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
    "Retired": lambda p: f"{p.retired}, {p.retirement}" if p.retired else "",
}
_COLUMNS: dict[str, dict[str, _Column]] = {
    "chat": {
        "Input": lambda p: ", ".join(medium for medium in ("text", "image", "video", "audio") if medium in p.inputs),
        "Thinks": lambda p: _THINKS[p.thinking],
        "Must stream": lambda p: _STREAMS[p.streaming],
        "Tools": lambda p: _yes(p.tool_calling),
        "Forced tool": lambda p: _yes("function" in p.tool_choice) if p.tool_calling else "",
        "JSON": lambda p: _JSON[p.json_output],
        "Web search": lambda p: _SEARCHES.get(p.web_search, "yes"),
        "Context": lambda p: _count(p.context),
        "Max output": lambda p: _count(p.max_output_tokens),
        "Native endpoint": lambda p: p.native_endpoint,
    },
    "embedding": {
        "Input": lambda p: ", ".join(medium for medium in ("text", "image", "video") if medium in p.inputs),
        "Dimensions": lambda p: ", ".join(f"**{n}**" if n == p.default_dimension else f"{n}" for n in p.dimensions),
        "Max texts": lambda p: _count(p.max_rows),
        "Max tokens per text": lambda p: _count(p.max_row_tokens),
        "Sparse": lambda p: _yes(p.sparse),
        "Instruction": lambda p: _yes(p.instruct),
    },
    "rerank": {
        "Max documents": lambda p: _count(p.max_documents),
        "Max tokens per document": lambda p: _count(p.max_item_tokens),
        "Max tokens per request": lambda p: _count(p.max_request_tokens),
        "Instruction": lambda p: _yes(p.instruct),
    },
}
_TITLES = {"chat": "Chat", "embedding": "Embeddings", "rerank": "Reranking"}
_KINDS = {"chat": "chat models", "embedding": "embedding models", "rerank": "rerank models"}


def models_page() -> str:
    """Return the page of all models with their protocols and capabilities, from the package's profiles."""
    lines = [
        *WIDE,
        "# Models",
        "",
        (
            "The properties of each model that the package knows. Other names work too: they get the properties of "
            "their family, or no restrictions. A snapshot or alias (`-2025-07-28`, `-latest`) has those of its "
            "model. In Python, [`profile_of`](profiles.md) returns a row."
        ),
        "",
        "Generated from `langchain_qwen_workspace.profiles`; its source cites the documentation with dates.",
        "",
        "*Must stream*: the calls that have to be streamed. *Forced tool*: whether `tool_choice` can name a tool. "
        "Regions: "
        + ", ".join(f"{short} {REGIONS[region].name}" for region, short in _SHORT.items() if region in REGIONS),
    ]
    for kind, columns in _COLUMNS.items():
        table = _FIRST | columns | _LAST
        rows = [_row(cell(profile) for cell in table.values()) for profile in catalogue() if profile.kind == kind]
        lines += [
            "",
            f"## {_TITLES[kind]}",
            "",
            *_filtered(_KINDS[kind], [_row(table), _row("---" for _ in table), *rows]),
        ]
    return "\n".join(lines)


def _filtered(name: str, table: list[str]) -> list[str]:
    """Return a table that `javascripts/tables.js` makes filterable and sortable."""
    return [f'<div class="filtered" data-name="{name}" markdown>', "", *table, "", "</div>"]


def _row(cells: Iterator[str] | dict[str, _Column]) -> str:
    return f"| {' | '.join(cells)} |"


# ------------------------------------------------------------------------------------------------------------ errors


def errors_page() -> str:
    """Return the page of the service's errors and what to do, from the table by which the package classifies them."""
    lines = [
        *WIDE,
        "# Errors of the service",
        "",
        (
            "The service reports an error by a status, a code and a text. The same error has several of them, and some "
            "texts mean something else than their code. By this table the package chooses the class of an error, and "
            "its hint, which names the model, region and workspace of the call. The text takes precedence over the "
            "code, and the code over the status; what the inference engine says in a text "
            "(`<400> InternalError.Algo.InvalidParameter: …`) takes precedence over both. Code spans after “like” are "
            "regular expressions of the whole report, `<status> <code>: <message>`."
        ),
        "",
        "Generated from `langchain_qwen_workspace.data._errors`.",
        "",
    ]
    rows = [
        f"| [`{row.error_class.__name__}`][langchain_qwen_workspace.errors.{row.error_class.__name__}] "
        f"| {_yes(row.error_class.is_retryable)} | {_escape(row.hint)} | {'<br>'.join(_known_by(row))} |"
        for row in ERROR_ROWS
        if _known_by(row)
    ]
    header = ["| Class | Retried | Hint | Status, code or text |", "|---|---|---|---|"]
    return "\n".join([*lines, *_filtered("errors", header + rows)])


def _known_by(row: ErrorRow) -> list[str]:
    """Return the statuses, codes, texts and patterns by which a row is known."""
    statuses = [f"HTTP {status}" for status in row.statuses]
    names = [f"`{name}`" for name in (*row.codes, *row.types)]
    texts = [f"“{_escape(text)}”" for text in row.texts]
    return [*statuses, *names, *texts, *(f"like `{pattern}`" for pattern in row.patterns)]


def _escape(text: str) -> str:
    """Escape the Markdown characters of a text outside of code spans."""
    parts = re.split(r"(`[^`]*`)", text.replace("|", "\\|"))
    return "".join(part if part.startswith("`") else re.sub(r"([\[\]<>*_])", r"\\\1", part) for part in parts)


# ----------------------------------------------------------------------------------------------------------- beliefs


def beliefs_page() -> str:
    """Return the page of what is known of the service, from the list that `qwen-workspace verify` checks."""
    found = load_beliefs()
    last = found.last_verification
    if last is None:
        verified = "**Nobody has verified it with the service yet.** [With a key you can](../how-to/verify.md)."
    else:
        otherwise = f" Otherwise: {', '.join(f'`{name}`' for name in last.otherwise)}." if last.otherwise else ""
        verified = f"Last verified on {last.date}, in {last.region}, with {', '.join(last.models)}.{otherwise}"
    lines = [
        *WIDE,
        "# What is known of the service",
        "",
        verified,
        "",
        (
            "What the package's defaults and rules rest on, with its source. *Documented*: the service's documentation "
            "says so. *Uncertain*: sources are few, or contradict each other."
        ),
        "",
        "Generated from `langchain_qwen_workspace/data/beliefs.json`.",
    ]
    for group in dict.fromkeys(belief.group for belief in found.beliefs):
        lines += ["", f"## {group.capitalize()}", "", "| Belief | Certainty | Source |", "|---|---|---|"]
        lines += [_belief_row(belief) for belief in found.beliefs if belief.group == group]
    return "\n".join(lines)


def _belief_row(belief: Belief) -> str:
    other = f"<br>Also handled: {_escape(belief.other_case)}" if belief.other_case else ""
    source = f"{_escape(belief.source)}, {belief.date}"
    return f"| `{belief.id}`: {_escape(belief.sentence)}{other} | {belief.certainty} | {source} |"


# ---------------------------------------------------------------------------------------------------------- cookbook


def _title(path: Path) -> str:
    return str(nbformat.read(path, 4).cells[0].source.partition("\n")[0].removeprefix("# "))


def cookbook_page() -> str:
    """Return the page that lists the notebooks."""
    lines = [
        "# Cookbook",
        "",
        (
            "Each notebook takes five minutes to read and runs as it is, also downloaded alone: with "
            "`DASHSCOPE_API_KEY` in the environment it calls the service, without it the offline sandbox, which is "
            "not a language model and says so. The outputs shown here are those of the sandbox; a test compares them "
            "with a new run."
        ),
        "",
    ]
    lines += [f"{number}. [{_title(path)}]({path.stem}.md)" for number, path in enumerate(NOTEBOOKS, 1)]
    return "\n".join(lines)


def notebook_page(path: Path) -> dict[str, str | bytes]:
    """Return a notebook as a page, and its pictures."""
    pictures: dict[str, str | bytes] = {}
    lines: list[str] = []
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            lines += [_adapt_links(cell.source), ""]
            continue
        lines += ["```python", cell.source, "```", ""]
        for output in cell.outputs:
            data = {"text/plain": output.text} if output.output_type == "stream" else output.data
            lines += ['<div class="output" markdown>', ""]
            if "image/png" in data:
                name = f"{path.stem}-{len(pictures) + 1}.png"
                pictures[f"cookbook/{name}"] = base64.b64decode(data["image/png"])
                lines += [f"![Output of the cell]({name})"]
            elif "text/markdown" in data:
                lines += [data["text/markdown"]]
            else:
                lines += ["```text", data["text/plain"].rstrip(), "```"]
            lines += ["", "</div>", ""]
    return {f"cookbook/{path.stem}.md": "\n".join(lines), **pictures}


def _adapt_links(text: str) -> str:
    """Let links to notebooks lead to their pages; replace those to scripts, which the site lacks, with their paths."""
    without_scripts = re.sub(r"\[([\w.]+\.py)\]\([\w.]+\.py\)", r"`cookbook/\1`", text)
    return re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", without_scripts)
