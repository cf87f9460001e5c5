"""How often what may be tried."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.auth.settings import Settings
from services.auth.throttle import Limit, key_of
from services.auth.visitors import Visitor
from shared.contracts.auth import AccountMailKind

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_QUARTER = timedelta(minutes=15)
FAILURES_PER_ACCOUNT_AND_ADDRESS = 10
FAILURES_PER_ACCOUNT = 100
FAILURES = 2000
ATTEMPTS = 60  # with the right ones: each costs a hash
PROOFS = 60
REGISTRATIONS = 2000
CHANGES = 300


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
        """Failed logins. A known browser is not shut out by what others do elsewhere."""
        own = [
            self.pair(account, visitor),
            self._limit(self.failures_per_address, _QUARTER, "address", visitor.network),
        ]
        if known_device:
            return own
        return [
            *own,
            self._account(account),
            self._limit(FAILURES, _QUARTER, "everybody"),
        ]

    def forgiven(self, account: str, visitor: Visitor) -> list[Limit]:
        """Failures that count no longer once its owner has read the account's mail."""
        return [self.pair(account, visitor), self._account(account)]

    def attempts(self, account: str, visitor: Visitor) -> list[Limit]:
        """Logins to one account from one address, failed or not."""
        return [self._limit(ATTEMPTS, _QUARTER, "attempts", account, visitor.network)]

    def password(self, user_id: UUID) -> list[Limit]:
        """Wrong answers of a person who is logged in and asked for the password again."""
        return [self._limit(10, _QUARTER, "password", str(user_id))]

    def proofs(self, user_id: UUID) -> list[Limit]:
        """Answers to that question, wrong or right."""
        return [self._limit(PROOFS, _QUARTER, "proofs", str(user_id))]

    def registration(self, visitor: Visitor) -> list[Limit]:
        address = ("registration", visitor.network)
        return [
            self._limit(self.registrations_per_address, _HOUR, *address),
            self._limit(REGISTRATIONS, _HOUR, "registrations"),
        ]

    def reset(self, visitor: Visitor) -> list[Limit]:
        """Apart from registrations, so that a flood of those shuts nobody out who forgot."""
        return [
            self._limit(self.registrations_per_address, _HOUR, "reset", visitor.network),
            self._limit(REGISTRATIONS, _HOUR, "resets"),
        ]

    def changes(self, user_id: UUID) -> list[Limit]:
        """What somebody logged in does that leaves a line in a log or an event."""
        return [self._limit(CHANGES, _HOUR, "changes", str(user_id))]

    def confirmation(self, user_id: UUID) -> list[Limit]:
        parts = ("confirmation", str(user_id))
        return [self._limit(1, _MINUTE, *parts, "minute"), self._limit(10, _DAY, *parts, "day")]

    def address_change(self, user_id: UUID) -> list[Limit]:
        return [self._limit(10, _DAY, "address_change", str(user_id))]

    def sign_in_mail(self, user_id: UUID) -> list[Limit]:
        return [self._limit(5, _HOUR, "sign_in_mail", str(user_id))]

    def mail_to(self, kind: AccountMailKind, email: str) -> list[Limit]:
        """Mails that anybody can have sent to an address, whatever account they come from."""
        return [self._limit(5, _HOUR, "mail to", kind, email)]

    def _account(self, account: str) -> Limit:
        return self._limit(FAILURES_PER_ACCOUNT, _QUARTER, "account", account)

    def _limit(self, most: int, window: timedelta, *parts: str) -> Limit:
        return Limit(key_of(self.secret, *parts), most, window)
