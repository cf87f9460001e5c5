"""The processor time that users' slow or broken files have taken lately."""

import time
from collections.abc import Callable
from uuid import UUID

# Seconds of ruff that a file may take before they are counted: a megabyte of ordinary source takes
# a fifth of that.
FREE_SECONDS = 0.5
HEAVY_SECONDS = 3.0  # a user who has used more is heavy
HALF_LIFE = 300.0  # seconds after which half of what was used is forgotten


class CpuUsage:
    """Sums up seconds by user in this copy; they decay with `HALF_LIFE`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock in seconds."""
        self._clock, self._used = clock, dict[UUID, tuple[float, float]]()

    def add(self, user_id: UUID, seconds: float) -> None:
        now = self._clock()
        self._used[user_id] = (self._decayed(user_id, now) + seconds, now)

    def users(self) -> list[UUID]:
        """Those who have used time lately, the least first."""
        now = self._clock()
        used = {user_id: self._decayed(user_id, now) for user_id in self._used}
        self._used = {
            user_id: self._used[user_id] for user_id in used if used[user_id] > FREE_SECONDS / 10
        }
        return sorted(self._used, key=lambda user_id: used[user_id])

    def heavy_users(self) -> list[UUID]:
        now = self._clock()
        return [user_id for user_id in self.users() if self._decayed(user_id, now) > HEAVY_SECONDS]

    def _decayed(self, user_id: UUID, now: float) -> float:
        seconds, since = self._used.get(user_id, (0.0, now))
        return float(seconds * 0.5 ** ((now - since) / HALF_LIFE))
