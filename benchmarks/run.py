"""One run of a pipeline: how long it took until what, and what it used."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """Seconds since the checks could begin, processor seconds by process, and megabytes in all."""

    files: int
    checked: float
    mailed: float
    marked: float
    processor: Mapping[str, float]
    memory: float
    uploading: float = 0.0  # processor seconds in all before, from the first upload on

    def a_file(self) -> dict[str, float]:
        """Processor milliseconds a file, by process, the greatest first."""
        spent = sorted(self.processor.items(), key=lambda one: -one[1])
        return {name: 1000 * seconds / self.files for name, seconds in spent}
