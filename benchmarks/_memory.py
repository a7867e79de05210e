"""How much memory a call needs beyond what its process had before."""

import gc
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"


@dataclass(frozen=True, slots=True)
class Memory:
    """The peak of a call, in bytes of resident memory.

    Attributes:
        growth: The peak less what was resident just before the call.
        peak: The peak itself, with the interpreter and everything that was imported.
    """

    growth: int
    peak: int


class PeakMemory:
    """Measures the peak of resident memory, of this process and all its threads, from its making to `taken()`.

    On Linux the kernel keeps the peak (`VmHWM`) and forgets it when told to, so that nothing is sampled and nothing is
    missed. Elsewhere the peak since the process began is all there is (`ru_maxrss`): a call that stays below what the
    imports once took then seems to need nothing.

    Freed memory that the allocator keeps counts as resident. What was freed before the call and is used again by it is
    therefore not growth: measure in a fresh process.
    """

    def __init__(self) -> None:
        """Begin."""
        gc.collect()
        self._before = self._now()

    def taken(self) -> Memory:
        """Return the peak since this object was made."""
        peak = _status("VmHWM") if _STATUS.exists() else _most_ever()
        return Memory(growth=peak - self._before, peak=peak)

    @staticmethod
    def _now() -> int:
        if not _STATUS.exists():
            return _most_ever()
        _CLEAR.write_text(_FORGET_PEAK)
        return _status("VmRSS")


def resident() -> int:
    """Return what is resident now, in bytes; where nothing tells it, the most that ever was."""
    return _status("VmRSS") if _STATUS.exists() else _most_ever()


def _status(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024


def _most_ever() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
