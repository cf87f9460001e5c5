"""How often what may be tried."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.auth.client_info import ClientInfo
from services.auth.settings import Settings
from services.auth.throttle import Limit, key_of
from shared.contracts.auth import AccountMailKind

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_QUARTER = timedelta(minutes=15)
FAILURES_PER_ACCOUNT_AND_ADDRESS = 10
FAILURES_PER_ACCOUNT = 100
FAILURES = 2000
ATTEMPTS = 60  # with the right ones: each costs a hash
PROOFS = 60
CODES = 10
REGISTRATIONS = 2000
CHANGES = 300
# How much larger the limit of a network is than that of the one within: IPv6 /64, /56, /48. Many
# customers may share the wider ones, and one of them may have all.
WIDER = (1, 2, 4)


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

    def pair(self, account: str, client_info: ClientInfo) -> list[Limit]:
        """Failed logins of one account from one address."""
        most = FAILURES_PER_ACCOUNT_AND_ADDRESS
        return self._by_network(most, _QUARTER, client_info, "pair", account)

    def account(self, account: str) -> Limit:
        """Failed logins of one account from everywhere, but from browsers it knows."""
        return self._limit(FAILURES_PER_ACCOUNT, _QUARTER, "account", account)

    def login(self, account: str, client_info: ClientInfo, *, known_device: bool) -> list[Limit]:
        """Failed logins. A known browser is not shut out by what others do elsewhere.

        Elsewhere are also the wider networks: a provider's /48 may hold 65,536 telephones.
        """
        pair = self.pair(account, client_info)
        address = self._by_network(self.failures_per_address, _QUARTER, client_info, "address")
        if known_device:
            return [pair[0], address[0]]
        return [
            *pair,
            *address,
            self.account(account),
            self._limit(FAILURES, _QUARTER, "everybody"),
        ]

    def forgiven(self, account: str, client_info: ClientInfo) -> list[Limit]:
        """Failures that count no longer once its owner has read the account's mail."""
        return [*self.pair(account, client_info), self.account(account)]

    def attempts(self, account: str, client_info: ClientInfo) -> list[Limit]:
        """Logins to one account from one address, failed or not."""
        return self._by_network(ATTEMPTS, _QUARTER, client_info, "attempts", account)

    def password(self, user_id: UUID) -> list[Limit]:
        """Wrong answers of a person who is logged in and asked for the password again."""
        return [self._limit(10, _QUARTER, "password", str(user_id))]

    def proofs(self, user_id: UUID) -> list[Limit]:
        """Answers to that question, wrong or right."""
        return [self._limit(PROOFS, _QUARTER, "proofs", str(user_id))]

    def codes(self, user_id: UUID) -> list[Limit]:
        """Wrong codes of a second factor, at logins and of somebody logged in."""
        return [self._limit(CODES, _QUARTER, "codes", str(user_id))]

    def registration(self, client_info: ClientInfo) -> list[Limit]:
        return [
            *self._by_network(self.registrations_per_address, _HOUR, client_info, "registration"),
            self._limit(REGISTRATIONS, _HOUR, "registrations"),
        ]

    def reset(self, client_info: ClientInfo) -> list[Limit]:
        """Apart from registrations, so that a flood of those shuts nobody out who forgot."""
        return [
            *self._by_network(self.registrations_per_address, _HOUR, client_info, "reset"),
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

    def _by_network(
        self, most: int, window: timedelta, client_info: ClientInfo, *parts: str
    ) -> list[Limit]:
        """At most so many from the narrowest of the visitor's networks, and more from the wider."""
        wider = zip(client_info.networks, WIDER, strict=False)  # an IPv4 address is alone
        return [self._limit(most * times, window, *parts, network) for network, times in wider]

    def _limit(self, most: int, window: timedelta, *parts: str) -> Limit:
        return Limit(key_of(self.secret, *parts), most, window)
