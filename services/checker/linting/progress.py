"""Reads from ruff's log which file it is checking, and how long each of them took."""

import re
import time
from collections import defaultdict

_STARTED = re.compile(rb"Checking: \S*/(\w+\.py)$", re.MULTILINE)


class ProgressReader:
    """Parses ruff's log, which names each file when its check begins."""

    def __init__(self) -> None:
        self.current: str | None = None
        self.seconds: defaultdict[str, float] = defaultdict(float)  # of all but the current file
        self._since = time.monotonic()
        self._rest = b""

    @property
    def seconds_of_current(self) -> float:
        return time.monotonic() - self._since

    def read(self, chunk: bytes) -> None:
        text = self._rest + chunk
        for name in _STARTED.findall(text):
            if self.current is not None:
                self.seconds[self.current] += self.seconds_of_current
            self.current, self._since = name.decode(), time.monotonic()
        self._rest = text.rpartition(b"\n")[2][-1000:]
