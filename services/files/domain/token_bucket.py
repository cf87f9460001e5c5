"""A token bucket: its size at once, and the same number again each minute."""

from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = 60  # seconds in which an empty bucket fills
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class TokenBucket:
    """A bucket at the moment `now`; `full_at`, when it will be full, says how much is in it."""

    size: int
    full_at: datetime
    now: datetime

    @property
    def left(self) -> int:
        return self.size - -(-self._missing // self._each)

    @property
    def retry_after(self) -> int:
        """Seconds until there is a token again, 0 while there is one."""
        wait = self._missing - (self.size - 1) * self._each
        return max(0, -(-wait // _SECOND))

    def taken(self) -> "TokenBucket":
        return TokenBucket(self.size, self.now + self._missing + self._each, self.now)

    @property
    def _each(self) -> timedelta:
        """The time until one more token is added."""
        return timedelta(seconds=WINDOW) // self.size

    @property
    def _missing(self) -> timedelta:
        """The time until it is full; more than an empty one needs means the clock was set back."""
        missing = self.full_at - self.now
        return missing if timedelta(0) < missing <= self.size * self._each else timedelta(0)
