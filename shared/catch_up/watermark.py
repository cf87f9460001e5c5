"""The watermark of a producer: up to which position published events should have arrived."""

import time
from collections import deque
from dataclasses import dataclass

DELIVERY_TIME = 20.0  # seconds; a consumer that waits for something gives messages back after ten
MIN_DISTANCE = 5.0  # seconds between two observations that are worth remembering


@dataclass
class Observation:
    """Up to which position a producer had published at a moment of this process's clock."""

    at: float
    published: int


class DeliveryWatermark:
    """Observes one producer, by the clock of this process alone."""

    def __init__(self, delivery_time: float = DELIVERY_TIME) -> None:
        """`delivery_time` is the seconds that a published event may take to arrive."""
        self._delivery_time, self._distance = delivery_time, min(MIN_DISTANCE, delivery_time)
        self._observations: deque[Observation] = deque()
        self._seemed_empty: Observation | None = None  # when first, and what was published before
        self.delivered = 0  # the position up to which the broker has delivered all it had

    def observe_published(self, published: int) -> None:
        """The relay has published up to this position."""
        now = time.monotonic()
        if not self._observations or now - self._observations[-1].at >= self._distance:
            self._observations.append(Observation(now, published))

    def observe_queue(self, messages: int, consumers: int) -> None:
        """The broker says this of the queue: once it is empty, all is delivered.

        It also says that there are no messages when the queue's leader does not answer within a
        quarter of a second; but then it says the same of consumers. Without consumers the queue
        has to seem empty twice, some seconds apart.
        """
        published = self._observations[-1].published if self._observations else 0
        now = Observation(time.monotonic(), published)
        if messages:
            self._seemed_empty = None
        elif consumers:
            self.delivered = now.published
        elif self._seemed_empty is None:
            self._seemed_empty = now
        elif now.at - self._seemed_empty.at >= self._distance:
            self.delivered, self._seemed_empty = self._seemed_empty.published, now

    def latest_due(self) -> Observation | None:
        """The latest observation that is `delivery_time` old."""
        end = time.monotonic() - self._delivery_time
        while len(self._observations) > 1 and self._observations[1].at <= end:
            self._observations.popleft()
        oldest = self._observations[0] if self._observations else None
        return oldest if oldest and oldest.at <= end else None

    def reset(self) -> None:
        self._observations.clear()
        self._seemed_empty, self.delivered = None, 0
