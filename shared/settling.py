"""How far a producer's events have been published for so long that they should have arrived."""

import time
from collections import deque
from dataclasses import dataclass

SETTLED = 20.0  # seconds; a consumer that waits for something gives messages back after ten
APART = 5.0  # seconds between two looks that are worth remembering


@dataclass
class Look:
    """What was published at a moment; `delivered` once the queue was seen empty after that."""

    at: float
    published: int
    delivered: bool = False


class Settling:
    """Looks at one producer, by the clock of this process alone."""

    def __init__(self, seconds: float = SETTLED) -> None:
        self._seconds = seconds
        self._looks: deque[Look] = deque()

    def note(self, published: int) -> None:
        """The relay has published up to this position."""
        now = time.monotonic()
        if not self._looks or now - self._looks[-1].at >= min(APART, self._seconds):
            self._looks.append(Look(now, published))

    def queue_is_empty(self) -> None:
        """The broker has delivered all it had, and so all that was published before."""
        for look in self._looks:
            look.delivered = True

    def latest(self) -> Look | None:
        """The latest look that is old enough."""
        end = time.monotonic() - self._seconds
        while len(self._looks) > 1 and self._looks[1].at <= end:
            self._looks.popleft()
        return self._looks[0] if self._looks and self._looks[0].at <= end else None

    def forget(self) -> None:
        self._looks.clear()
