"""Brings `data/models.json` up to date from a catalogue file that `qwen-workspace models --refresh` wrote.

A model of the catalogue replaces the package's row, whose note stays; other rows stay. `data/hand_edits.tsv` comes
last: what the catalogue states wrongly or not at all, each with a reason.

    make models FILE=catalogue.json

Without a file, only the hand edits are applied.
"""

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from langchain_qwen_workspace.data._catalogue_file import check_catalogue_text
from langchain_qwen_workspace.data._models import format_catalogue

DATA = Path(str(files("langchain_qwen_workspace.data")))
MODELS, HAND_EDITS = DATA / "models.json", DATA / "hand_edits.tsv"


def read_hand_edits() -> list[dict[str, str]]:
    """Return the hand edits."""
    lines = HAND_EDITS.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def update(models: Mapping[str, Any], catalogue: Mapping[str, Any] | None, edits: Iterable[Mapping[str, str]]) -> str:
    """Return the text of the file of models with the facts of a newer catalogue.

    Args:
        models: The file of models as it is.
        catalogue: The newer catalogue file; it must have the same defaults.
        edits: The hand edits.

    Raises:
        ValueError: The defaults differ, or a hand edit is of a model that is not there.
    """
    rows: dict[str, Any] = {name: dict(row) for name, row in models["models"].items()}
    if catalogue is not None:
        if catalogue.get("defaults") != models["defaults"]:
            raise ValueError("The catalogue file has other `defaults`: write it again with this version's command.")
        for name, row in catalogue["models"].items():
            # Models that are neither for chat nor for retrieval, such as those that make images, have no component.
            if row.get("kind") is not None:
                note = {"note": rows[name]["note"]} if "note" in rows.get(name, {}) else {}
                rows[name] = {**row, "as_of": catalogue["date"], **note}
    for edit in edits:
        if edit["model"] not in rows:
            raise ValueError(f"There is no model {edit['model']!r}, of which a hand edit is.")
        row, field, value = rows[edit["model"]], edit["field"], json.loads(edit["value"])
        if value is None or value == models["defaults"][row["kind"]].get(field):
            row.pop(field, None)
        else:
            row[field] = value
    return format_catalogue({**models, "models": rows})


def main(arguments: list[str]) -> None:
    """Write the file of models anew."""
    catalogue = None
    if arguments:
        text = Path(arguments[0]).read_text(encoding="utf-8-sig")
        catalogue = check_catalogue_text(text, f"The catalogue file {arguments[0]!r}")
    text = update(json.loads(MODELS.read_text(encoding="utf-8")), catalogue, read_hand_edits())
    check_catalogue_text(text, "The new models.json")
    MODELS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
