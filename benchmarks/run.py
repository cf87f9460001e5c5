"""One run of a pipeline: how long it took until what, and what it used."""

from collections.abc import Mapping
from dataclasses import dataclass

MAIL_SERVER = "… mail server of the benchmark"


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
        """Processor milliseconds a file, by process, the greatest first; without the mail server.

        That is the benchmark's own, and takes the same cores whatever is measured.
        """
        ours = [name for name in self.processor if name != MAIL_SERVER]
        spent = {name: self.milliseconds(name) for name in ours}
        return dict(sorted(spent.items(), key=lambda one: -one[1]))

    def milliseconds(self, process: str) -> float:
        """Of its processor time, a file."""
        return 1000 * self.processor[process] / self.files
