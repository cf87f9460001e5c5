"""What processes have used, as the kernel tells it. Linux only."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from tests.faults.processes import tree

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid: int, proc: Path = PROC) -> float:
    """Of a process, and of those of its children that have ended and been waited for."""
    # Behind the program's name, which is in brackets and may hold spaces.
    fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS  # utime, stime, cutime, cstime: proc(5)


def proportional_megabytes(pid: int, proc: Path = PROC) -> float:
    """PSS: memory that processes share is divided among them."""
    lines = (proc / str(pid) / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def processor_of(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds by name, with all below each process."""
    return {name: _sum(processor_seconds, tree(pid)) for name, pid in pids.items()}


def memory_of(pids: Mapping[str, int]) -> dict[str, float]:
    """Megabytes by name, with all below each process."""
    return {name: _sum(proportional_megabytes, tree(pid)) for name, pid in pids.items()}


def difference(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: after[name] - before[name] for name in after}


def _sum(of: Callable[[int], float], pids: Iterable[int]) -> float:
    total = 0.0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            total += of(pid)
    return total
