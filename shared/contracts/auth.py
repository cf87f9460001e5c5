"""What auth tells the world. Addresses, names and passwords stay in its tables."""

from typing import Literal
from uuid import UUID

from shared.eventsourcing.event import Event

Language = Literal["en", "ru"]
Scope = Literal["files:read", "files:write", "checks:read", "account"]
AccountMailKind = Literal[
    "confirm_email",
    "already_registered",
    "reset_password",
    "log_in",
    "confirm_new_email",
    "email_changed",
    "password_changed",
    "new_sign_in",
    "second_factor_enabled",
    "second_factor_disabled",
    "recovery_code_used",
]


class UserRegistered(Event):
    """A person has an account. Address and password stay in auth."""

    user_id: UUID
    language: Language


class EmailConfirmed(Event):
    """The person reads the mail of the account's address: results may be sent there."""

    user_id: UUID


class EmailChanged(Event):
    """The account has another address, which its owner has confirmed."""

    user_id: UUID


class LanguageChanged(Event):
    """From now on the person is written to in this language."""

    user_id: UUID
    language: Language


class AccountMailRequested(Event):
    """A mail about the account is due; auth tells where to and with which link when it is sent."""

    user_id: UUID
    request_id: UUID
    kind: AccountMailKind


class UserErased(Event):
    """The account is gone: whoever holds personal data of this user forgets them."""

    user_id: UUID
