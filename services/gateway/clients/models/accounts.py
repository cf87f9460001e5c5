"""Accounts, sessions and tokens, as auth answers."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts.auth import AccountMailKind, Language, Scope

Theme = Literal["auto", "light", "dark"]


class Preferences(BaseModel):
    """How a person wants to see the pages."""

    language: Language = "en"
    time_zone: str = "auto"
    theme: Theme = "auto"


class Account(Preferences):
    """A user as the user sees it."""

    user_id: UUID
    email: str
    email_confirmed: bool = Field(description="until then the results of checks are held back")
    pending_email: str | None = Field(None, description="asked for, not yet confirmed")
    language: Language = Field(description="of mails and pages")
    time_zone: str = Field(description="an IANA name, or `auto`: the browser's")
    theme: Theme
    mail_on_new_device: bool
    created_at: datetime


class Tokens(BaseModel):
    """What auth answers to a login."""

    session_id: UUID
    user_id: UUID
    access_token: str
    expires_in: int
    token: str | None = None
    preferences: Preferences | None = None


class Challenged(BaseModel):
    """What auth answers to a login that waits for a code of the second factor."""

    challenge: str
    expires_in: int


class SecondFactor(BaseModel):
    """Whether logins ask for a code."""

    enabled_at: datetime | None = Field(None, description="since when; empty: they do not")
    recovery_codes_left: int


class BegunFactor(BaseModel):
    """What an app is to know. It is told this once."""

    secret: str = Field(description="in base 32")
    uri: str = Field(description="`otpauth://totp/…`, for a QR code")


class RecoveryCodes(BaseModel):
    """Codes for when the app is lost, each good once. They are told this once."""

    recovery_codes: list[str]


class Confirmed(BaseModel):
    """Which address was confirmed: the account's own, or the one it has from now on."""

    kind: Literal["confirm_email", "confirm_new_email"]


class Confirmation(Confirmed):
    """What auth answers to a confirmation; with a session where one was asked for."""

    session: Tokens | Challenged | None = None


class Link(BaseModel):
    """A link of a mail that works, and whether this browser has registered the account."""

    kind: AccountMailKind
    user_id: UUID
    registered_here: bool


class SessionEntry(BaseModel):
    """A place where the person is logged in."""

    id: UUID
    kind: Literal["web", "api"]
    device: str = Field(description="in short words, made of what the browser said of itself")
    address: str = Field(description="where a browser was last, or a program logged in from")
    created_at: datetime
    last_used_at: datetime
    current: bool = Field(description="whether this request came from it")


class SessionList(BaseModel):
    """All living sessions, the last used first."""

    sessions: list[SessionEntry]


class Ended(BaseModel):
    """How many sessions were ended."""

    ended: int


class ApiToken(BaseModel):
    """A token for a program. The token itself is told once, when it is made."""

    id: UUID
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(None, description="to the minute")
    hint: str = Field(description="the token's last four characters")


class NewApiToken(ApiToken):
    """A token that was just made."""

    token: str = Field(description="begins with `prv_`; shown this once")


class ApiTokenList(BaseModel):
    """All living tokens, the newest first."""

    tokens: list[ApiToken]


class SecurityEntry(BaseModel):
    """Something that concerned the account's safety."""

    id: int
    at: datetime
    kind: str
    device: str = ""
    address: str = ""
    times: int = Field(1, description="how often on end, on one day; `at` is the last time")


class SecurityPage(BaseModel):
    """A page of the log, newest first; `next_cursor` is empty on the last one."""

    entries: list[SecurityEntry]
    next_cursor: str | None = None


class Export(BaseModel):
    """What auth keeps of a person, but the log."""

    account: dict[str, Any]
    delivery: dict[str, Any] = Field({}, description="where mail goes, the domain in ASCII")
    sessions: list[dict[str, Any]]
    devices: list[dict[str, Any]]
    tokens: list[dict[str, Any]]
    mails: list[dict[str, Any]]
