"""Shows progress bars with `tqdm`, which the extra `progress` installs."""

from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Any

from langchain_qwen_workspace.errors import ConfigurationError


class _NoProgressBar:
    """Stands in for the progress bar where none is shown."""

    total: int | None = None
    n = 0

    def update(self, count: int) -> None:
        """Do nothing."""


def check_can_show() -> None:
    """Raise if progress bars cannot be shown.

    Raises:
        ConfigurationError: `tqdm` is not installed.
    """
    if find_spec("tqdm") is None:
        raise ConfigurationError(
            "`show_progress_bar` needs `tqdm`, which is not installed; install it with "
            "`pip install 'langchain-qwen-workspace[progress]'`."
        )


def progress_bar(total: int | None, label: str, unit: str, *, shown: bool) -> AbstractContextManager[Any]:
    """Return a progress bar: `update` adds to its count `n`, and `total` may be set later.

    Args:
        total: The count at the end, `None` if it is not known.
        label: What is done.
        unit: What is counted.
        shown: Whether to show it.
    """
    if not shown:
        return nullcontext(_NoProgressBar())
    # Imported on first use: its import looks for notebooks.
    from tqdm.auto import tqdm  # noqa: PLC0415 - see above

    bar: AbstractContextManager[Any] = tqdm(total=total, desc=label, unit=f" {unit}")
    return bar
