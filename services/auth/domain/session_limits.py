"""When sessions end, and how many of them a person may have."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.auth.settings import Settings

_BEGINNING_OF_TIME = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class SessionLimits:
    """A session ends `max_idle` after its last use and `max_age` after its start (None: never)."""

    max_idle: timedelta
    max_age: timedelta | None
    max_per_kind: int = 100  # active sessions of one person

    @classmethod
    def of(cls, settings: Settings) -> "SessionLimits":
        days = settings.session_max_days
        return cls(timedelta(days=settings.session_days), timedelta(days=days) if days else None)

    def idle_cutoff(self, now: datetime) -> datetime:
        """The time of last use after which a session is active."""
        return now - self.max_idle

    def age_cutoff(self, now: datetime) -> datetime:
        """The time of creation after which a session is active."""
        return now - self.max_age if self.max_age else _BEGINNING_OF_TIME
