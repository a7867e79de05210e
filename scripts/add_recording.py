"""Takes a recording of `qwen-workspace verify` into tests/recordings, unless it may identify someone."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from langchain_qwen_workspace._verify.anonymize import Anonymizer
from langchain_qwen_workspace._verify.recording import read_recording
from langchain_qwen_workspace.errors import QwenWorkspaceError

FOLDER = Path(__file__).parent.parent / "tests" / "recordings"


def main(arguments: Sequence[str] | None = None, folder: Path = FOLDER) -> int:
    """Copy the recording, and return the exit status."""
    parser = argparse.ArgumentParser(description="Take a recording into tests/recordings.")
    parser.add_argument("file", type=Path, help="a recording that `qwen-workspace verify` wrote")
    path: Path = parser.parse_args(arguments).file
    try:
        text = path.read_text(encoding="utf-8")
        number = sum(1 for _ in read_recording(path))
        Anonymizer().check(text)
    except (OSError, QwenWorkspaceError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command prints
        return 1
    (folder / path.name).write_text(text, encoding="utf-8")
    print(f"{number} exchanges are in {folder / path.name}.")  # noqa: T201 - same
    return 0


if __name__ == "__main__":
    sys.exit(main())
