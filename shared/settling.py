"""How far a producer's events have been published for so long that they should have arrived."""

import time
from collections import deque
from dataclasses import dataclass

SETTLED = 20.0  # seconds; a consumer that waits for something gives messages back after ten
APART = 5.0  # seconds between two looks that are worth remembering


@dataclass
class Look:
    """What was published at a moment."""

    at: float
    published: int


class Settling:
    """Looks at one producer, by the clock of this process alone."""

    def __init__(self, seconds: float = SETTLED) -> None:
        self._seconds, self._apart = seconds, min(APART, seconds)
        self._looks: deque[Look] = deque()
        self._seemed_empty: Look | None = None  # when first, and what was published before
        self.delivered = 0  # the position up to which the broker has delivered all it had

    def note(self, published: int) -> None:
        """The relay has published up to this position."""
        now = time.monotonic()
        if not self._looks or now - self._looks[-1].at >= self._apart:
            self._looks.append(Look(now, published))

    def queue_has(self, messages: int, consumers: int) -> None:
        """Note what the broker says of the queue: once empty, it has delivered all it had.

        It also says that there are no messages when the queue's leader does not answer within a
        quarter of a second; but then it says the same of consumers. Without consumers the queue
        has to seem empty twice, some seconds apart.
        """
        now = Look(time.monotonic(), self._looks[-1].published if self._looks else 0)
        if messages:
            self._seemed_empty = None
        elif consumers:
            self.delivered = now.published
        elif self._seemed_empty is None:
            self._seemed_empty = now
        elif now.at - self._seemed_empty.at >= self._apart:
            self.delivered, self._seemed_empty = self._seemed_empty.published, now

    def latest(self) -> Look | None:
        """The latest look that is old enough."""
        end = time.monotonic() - self._seconds
        while len(self._looks) > 1 and self._looks[1].at <= end:
            self._looks.popleft()
        return self._looks[0] if self._looks and self._looks[0].at <= end else None

    def forget(self) -> None:
        self._looks.clear()
        self._seemed_empty, self.delivered = None, 0
