"""What ruff's log says about where it is, and how long it was busy with each file."""

import re
import time
from collections import defaultdict

_STARTED = re.compile(rb"Checking: \S*/(\w+\.py)$", re.MULTILINE)


class Progress:
    """Ruff's log, which names each file as it begins it."""

    def __init__(self) -> None:
        self.last: str | None = None
        self.spent: defaultdict[str, float] = defaultdict(float)  # seconds, but for the last file
        self._since = time.monotonic()
        self._rest = b""

    @property
    def seconds(self) -> float:
        """For how long ruff has been busy with the last file."""
        return time.monotonic() - self._since

    def read(self, chunk: bytes) -> None:
        text = self._rest + chunk
        for name in _STARTED.findall(text):
            if self.last is not None:
                self.spent[self.last] += self.seconds
            self.last, self._since = name.decode(), time.monotonic()
        self._rest = text.rpartition(b"\n")[2][-1000:]
