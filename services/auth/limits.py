"""How often what may be tried."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.auth.settings import Settings
from services.auth.throttle import Limit, key_of
from services.auth.visitors import Visitor

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_QUARTER = timedelta(minutes=15)
FAILURES_PER_ACCOUNT_AND_ADDRESS = 10
FAILURES_PER_ACCOUNT = 100
FAILURES = 2000
REGISTRATIONS = 2000


@dataclass(frozen=True)
class Limits:
    """The limits of each kind of attempt, with the secret that hides whose they are."""

    secret: bytes
    failures_per_address: int
    registrations_per_address: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            settings.password_pepper.get_secret_value().encode(),
            settings.failures_per_address,
            settings.registrations_per_address,
        )

    def pair(self, account: str, visitor: Visitor) -> Limit:
        """Failed logins of one account from one address."""
        parts = ("pair", account, visitor.network)
        return self._limit(FAILURES_PER_ACCOUNT_AND_ADDRESS, _QUARTER, *parts)

    def login(self, account: str, visitor: Visitor, *, known_device: bool) -> list[Limit]:
        """Failed logins. A known device is not shut out by what others do to its account."""
        whole = self._limit(FAILURES_PER_ACCOUNT, _QUARTER, "account", account)
        return [
            self.pair(account, visitor),
            self._limit(self.failures_per_address, _QUARTER, "address", visitor.network),
            self._limit(FAILURES, _QUARTER, "everybody"),
            *([] if known_device else [whole]),
        ]

    def password(self, user_id: UUID) -> list[Limit]:
        """Wrong answers of a person who is logged in and asked for the password again."""
        return [self._limit(10, _QUARTER, "password", str(user_id))]

    def registration(self, visitor: Visitor) -> list[Limit]:
        address = ("registration", visitor.network)
        return [
            self._limit(self.registrations_per_address, _HOUR, *address),
            self._limit(REGISTRATIONS, _HOUR, "registrations"),
        ]

    def reset(self, visitor: Visitor) -> list[Limit]:
        """Shared with registrations: both make us write to strangers."""
        return self.registration(visitor)

    def confirmation(self, user_id: UUID) -> list[Limit]:
        parts = ("confirmation", str(user_id))
        return [self._limit(1, _MINUTE, *parts, "minute"), self._limit(10, _DAY, *parts, "day")]

    def address_change(self, user_id: UUID) -> list[Limit]:
        return [self._limit(10, _DAY, "address_change", str(user_id))]

    def unasked(self, user_id: UUID) -> list[Limit]:
        """Mails that anybody can have sent to the owner of an address."""
        return [self._limit(5, _HOUR, "unasked", str(user_id))]

    def _limit(self, most: int, window: timedelta, *parts: str) -> Limit:
        return Limit(key_of(self.secret, *parts), most, window)
