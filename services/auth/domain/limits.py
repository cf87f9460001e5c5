"""Rate limits: how often each kind of attempt is allowed in a sliding window of time."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.auth.domain.client_info import ClientInfo
from services.auth.settings import Settings
from shared.contracts.auth import AccountMailKind

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_QUARTER = timedelta(minutes=15)
# How much larger the limit of a network is than that of the one within: IPv6 /64, /56, /48. Many
# customers may share the wider ones, and one of them may have all.
WIDER = (1, 2, 4)


@dataclass(frozen=True)
class Limit:
    """At most `max_attempts` of one key within `window`."""

    key: bytes
    max_attempts: int
    window: timedelta


def key_of(secret: bytes, *parts: str) -> bytes:
    """16 bytes; without the secret nobody can tell from them which account or network it is."""
    message = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hmac.digest(secret, b"throttle\0" + message, "sha256")[:16]


@dataclass(frozen=True)
class RateLimits:
    """The limit of each kind of attempt, and the secret that hides whose attempts they are."""

    secret: bytes
    failed_logins_per_ip_address: int = 100
    registrations_per_ip_address: int = 100
    failed_logins_per_account_and_ip_address: int = 10
    failed_logins_per_account: int = 100
    failed_logins_altogether: int = 2000
    logins_per_account_and_ip_address: int = 60  # successful ones too: each costs a hash
    reauthentications: int = 60
    wrong_passwords: int = 10
    wrong_codes: int = 10
    registrations_altogether: int = 2000
    changes: int = 300

    @classmethod
    def of(cls, settings: Settings) -> "RateLimits":
        return cls(
            settings.password_pepper.get_secret_value().encode(),
            settings.failed_logins_per_ip_address,
            settings.registrations_per_ip_address,
        )

    def failed_logins(
        self, account: str, client_info: ClientInfo, *, known_device: bool
    ) -> list[Limit]:
        """A known browser is not locked out by failures elsewhere.

        The wider networks count as elsewhere: a provider's /48 may hold 65,536 telephones.
        """
        pair = self.failed_logins_by_network(account, client_info)
        address = self._by_network(
            self.failed_logins_per_ip_address, _QUARTER, client_info, "address"
        )
        if known_device:
            return [pair[0], address[0]]
        return [
            *pair,
            *address,
            self.failed_logins_by_account(account),
            self._limit(self.failed_logins_altogether, _QUARTER, "everybody"),
        ]

    def failed_logins_by_network(self, account: str, client_info: ClientInfo) -> list[Limit]:
        """Failed logins to one account from one network."""
        most = self.failed_logins_per_account_and_ip_address
        return self._by_network(most, _QUARTER, client_info, "pair", account)

    def failed_logins_by_account(self, account: str) -> Limit:
        """Failed logins to one account from everywhere, except from its known browsers."""
        return self._limit(self.failed_logins_per_account, _QUARTER, "account", account)

    def reset_with_password(self, account: str, client_info: ClientInfo) -> list[Limit]:
        """Failed logins that no longer count once the owner has set a password by mail."""
        return [
            *self.failed_logins_by_network(account, client_info),
            self.failed_logins_by_account(account),
        ]

    def logins(self, account: str, client_info: ClientInfo) -> list[Limit]:
        """Logins to one account from one network, failed or not."""
        most = self.logins_per_account_and_ip_address
        return self._by_network(most, _QUARTER, client_info, "attempts", account)

    def failed_reauthentications(self, user_id: UUID) -> list[Limit]:
        """Wrong passwords of somebody who is logged in and is asked for the password again."""
        return [self._limit(self.wrong_passwords, _QUARTER, "password", str(user_id))]

    def all_reauthentications(self, user_id: UUID) -> list[Limit]:
        """Passwords given when asked again, wrong or right."""
        return [self._limit(self.reauthentications, _QUARTER, "proofs", str(user_id))]

    def failed_codes(self, user_id: UUID) -> list[Limit]:
        """Wrong codes of a second factor, at login and in a session."""
        return [self._limit(self.wrong_codes, _QUARTER, "codes", str(user_id))]

    def all_registrations(self, client_info: ClientInfo) -> list[Limit]:
        most = self.registrations_per_ip_address
        return [
            *self._by_network(most, _HOUR, client_info, "registration"),
            self._limit(self.registrations_altogether, _HOUR, "registrations"),
        ]

    def password_resets(self, client_info: ClientInfo) -> list[Limit]:
        """Counted apart from registrations, so that a flood of those blocks no reset."""
        most = self.registrations_per_ip_address
        return [
            *self._by_network(most, _HOUR, client_info, "reset"),
            self._limit(self.registrations_altogether, _HOUR, "resets"),
        ]

    def account_changes(self, user_id: UUID) -> list[Limit]:
        """Commands in a session that write a line of the security log or an event."""
        return [self._limit(self.changes, _HOUR, "changes", str(user_id))]

    def confirmation_mails(self, user_id: UUID) -> list[Limit]:
        parts = ("confirmation", str(user_id))
        return [self._limit(1, _MINUTE, *parts, "minute"), self._limit(10, _DAY, *parts, "day")]

    def email_changes(self, user_id: UUID) -> list[Limit]:
        return [self._limit(10, _DAY, "address_change", str(user_id))]

    def new_device_mails(self, user_id: UUID) -> list[Limit]:
        return [self._limit(5, _HOUR, "sign_in_mail", str(user_id))]

    def unsolicited_mails(self, kind: AccountMailKind, email: str) -> list[Limit]:
        """Mails that anybody can have sent to an e-mail address, whichever account causes them."""
        return [self._limit(5, _HOUR, "mail to", kind, email)]

    def _by_network(
        self, most: int, window: timedelta, client_info: ClientInfo, *parts: str
    ) -> list[Limit]:
        """`most` for the narrowest of the client's networks, and more for the wider ones."""
        wider = zip(client_info.networks, WIDER, strict=False)  # an IPv4 address is alone
        return [self._limit(most * times, window, *parts, network) for network, times in wider]

    def _limit(self, most: int, window: timedelta, *parts: str) -> Limit:
        return Limit(key_of(self.secret, *parts), most, window)
