"""What use cases need besides the arguments of a request."""

from dataclasses import dataclass

from services.auth.domain.limits import RateLimits
from services.auth.domain.ports import Encryption, PasswordHasher, StrengthMeter
from services.auth.domain.session_limits import SessionLimits
from shared.db import Database
from shared.eventsourcing.store import EventStore


@dataclass(frozen=True)
class Dependencies:
    """Made once by `main`."""

    database: Database
    store: EventStore
    hasher: PasswordHasher
    meter: StrengthMeter
    encryption: Encryption
    limits: RateLimits
    session_limits: SessionLimits
