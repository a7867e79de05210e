"""Measures the memory that a call needs beyond what its process had before."""

import gc
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


@dataclass(frozen=True, slots=True)
class Memory:
    """The peak of a call, in bytes of resident memory.

    Attributes:
        growth: The peak minus the resident memory just before the call.
        peak: The peak itself, including the interpreter and all imports.
    """

    growth: int
    peak: int


class PeakMemory:
    """Measures the peak of resident memory, of this process and all its threads, until `measure()`.

    On Linux the kernel keeps the peak (`VmHWM`) and resets it on request, so that nothing is sampled and nothing is
    missed. Elsewhere only the peak since the process started is available (`ru_maxrss`): a call that stays below what
    the imports needed then seems to need nothing.

    Memory that was freed but that the allocator keeps counts as resident. If the call uses it again, that is not
    growth: measure in a fresh process.
    """

    def __init__(self) -> None:
        """Reset the peak and start measuring."""
        gc.collect()
        self._before = self._reset_peak()

    def measure(self) -> Memory:
        """Return the peak since this object was made."""
        peak = _status("VmHWM") if _STATUS.exists() else _peak_of_process()
        return Memory(growth=peak - self._before, peak=peak)

    @staticmethod
    def _reset_peak() -> int:
        if not _STATUS.exists():
            return _peak_of_process()
        _CLEAR.write_text(_RESET_PEAK)
        return _status("VmRSS")


def resident() -> int:
    """Return the resident memory in bytes; where it is not available, the peak of the process."""
    return _status("VmRSS") if _STATUS.exists() else _peak_of_process()


def _status(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024


def _peak_of_process() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
