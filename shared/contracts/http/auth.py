"""The bodies and answers of auth's internal API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, RootModel

from shared.contracts.auth import AccountMailKind, Language, Scope
from shared.contracts.http import RequestBody
from shared.join_controls import without_join_controls

Theme = Literal["auto", "light", "dark"]
SessionKind = Literal["web", "api"]
ConfirmationKind = Literal["confirm_email", "confirm_new_email"]
SecurityEventKind = Literal[
    "registered",
    "signed_in",
    "sign_in_failed",
    "password_refused",
    "signed_out",
    "session_ended",
    "refresh_reused",
    "password_changed",
    "password_reset",
    "email_confirmed",
    "email_change_requested",
    "email_changed",
    "token_created",
    "token_revoked",
    "exported",
    "second_factor_enabled",
    "second_factor_disabled",
    "second_factor_refused",
    "recovery_code_used",
    "recovery_codes_made",
]

Email = Annotated[str, Field(max_length=1000)]
Password = Annotated[str, Field(max_length=10_000)]
Code = Annotated[str, Field(max_length=100)]
LinkToken = Annotated[str, Field(min_length=1, max_length=200)]
AUTO = "auto"  # the time zone of the browser


class Client(RequestBody):
    """The client on whose behalf the gateway calls."""

    address: str = Field("", max_length=100, description="its network address")
    user_agent: str = Field("", max_length=500)
    device: str = Field("", max_length=200, description="a browser's long-lived cookie")


# Registration and links


class Registration(RequestBody):
    """A new account."""

    email: Email
    password: Password
    language: Language = "en"
    client: Client = Client()
    cookie: str = Field("", max_length=200, description="identifies the browser that registers")


class LinkLookup(RequestBody):
    """A mailed link, and the cookie that a browser got when it registered."""

    token: LinkToken
    cookie: str = Field("", max_length=200)


class Link(BaseModel):
    """A mailed link that works; the e-mail address is left out on purpose."""

    kind: AccountMailKind
    user_id: UUID
    registered_here: bool


class Confirmation(LinkLookup):
    """A link that confirms an address, and a proof: the browser's cookie, or the password."""

    password: Password | None = None
    log_in: bool = Field(False, strict=True, description="begin a session of the browser as well")
    client: Client = Client()


class OwnConfirmation(RequestBody):
    """A link that confirms an address, opened by somebody who is logged in."""

    token: LinkToken


# Login and sessions


class Login(RequestBody):
    """A login by password."""

    email: Email
    password: Password
    kind: SessionKind
    client: Client = Client()


class LinkLogin(RequestBody):
    """A login by a mailed link."""

    token: LinkToken
    client: Client = Client()


class LoginCode(RequestBody):
    """The second step of a login: its challenge, and a code of the app or a recovery code."""

    challenge: str = Field(max_length=200)
    code: Code
    client: Client = Client()


class SessionToken(RequestBody):
    """A session's opaque token."""

    token: str = Field(min_length=1, max_length=200)


class WebSessionToken(SessionToken):
    """A browser's session token, and where the browser is."""

    client: Client = Client()


class Preferences(BaseModel):
    """How a person wants to see pages and mails."""

    language: Language = "en"
    time_zone: str = AUTO
    theme: Theme = "auto"


class Tokens(BaseModel):
    """An access token; with a session that has just begun also the session's own token."""

    session_id: UUID
    user_id: UUID
    access_token: str
    expires_in: int = Field(description="seconds")
    token: str | None = None
    preferences: Preferences | None = None


class Challenged(BaseModel):
    """The response to a login that requires a code of the second factor."""

    challenge: str
    expires_in: int = Field(description="seconds")


class LoginResult(RootModel[Tokens | Challenged]):
    """The tokens of a session that has begun, or the challenge of a second factor."""


class ConfirmationResult(BaseModel):
    """Which address was confirmed; with a session, or a challenge, where one was asked for."""

    kind: ConfirmationKind
    session: Tokens | Challenged | None = None


class SessionSummary(BaseModel):
    """An active session."""

    id: UUID
    kind: SessionKind
    device: str = Field(description="a short name made from the User-Agent")
    address: str = Field(
        description="IP address: of the last request of a browser, of the login of a program"
    )
    created_at: datetime
    last_used_at: datetime


class SessionEntry(SessionSummary):
    """An active session."""

    current: bool = Field(description="whether this request belongs to it")


class SessionList(BaseModel):
    """All active sessions, the most recently used first."""

    sessions: list[SessionEntry]


class EndedSessions(BaseModel):
    """How many sessions were ended."""

    ended: int


# Passwords and addresses


class PasswordForgotten(RequestBody):
    """The address of an account whose password is forgotten."""

    email: Email
    client: Client = Client()


class PasswordReset(RequestBody):
    """A new password, and the mailed link that allows it."""

    token: LinkToken
    password: Password
    client: Client = Client()


class PasswordChange(RequestBody):
    """A new password, and the current one."""

    current_password: Password
    new_password: Password
    revoke_tokens: bool = Field(False, strict=True, description="revoke the API tokens as well")


class EmailChange(RequestBody):
    """Another address, and the password."""

    password: Password
    email: Email


class EmailChangeResult(BaseModel):
    """Whether a mail may have been sent: none is sent to the address the account has already."""

    mailed: bool


# The account


class Account(Preferences):
    """The account of the user."""

    user_id: UUID
    email: str
    email_confirmed: bool = Field(
        description="results of checks are mailed only to confirmed addresses"
    )
    pending_email: str | None = Field(
        None, description="a requested new address, not confirmed yet"
    )
    language: Language = Field(description="the language of mails and pages")
    time_zone: str = Field(description="an IANA name, or `auto` for the browser's")
    theme: Theme
    mail_on_new_device: bool
    created_at: datetime


class PreferenceChanges(RequestBody):
    """Preferences to change; those left out stay."""

    language: Language = "en"
    time_zone: str = Field(AUTO, max_length=100)
    theme: Theme = "auto"
    mail_on_new_device: bool = Field(True, strict=True)


class PasswordProof(RequestBody):
    """The password, as proof that the person is there."""

    password: Password


class PasswordAndCode(PasswordProof):
    """The password, and a code of the app or a recovery code."""

    code: Code


class FactorCode(RequestBody):
    """A first code, as proof that the app has the secret."""

    code: Code


class SecondFactor(BaseModel):
    """Whether logins require a code."""

    enabled_at: datetime | None = Field(None, description="null: no code is required")
    recovery_codes_left: int


class SecondFactorSetup(BaseModel):
    """The secret for the app. It is shown once."""

    secret: str = Field(description="base32")
    uri: str = Field(description="`otpauth://totp/…`, for a QR code")


class RecoveryCodes(BaseModel):
    """Codes for when the app is lost. Each works once; they are shown once."""

    recovery_codes: list[str]


def _printable(name: str) -> str:
    if not without_join_controls(name).isprintable() or not name.strip():
        raise ValueError("not printable")
    return name


class ApiTokenRequest(RequestBody):
    """A token to create."""

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
    scopes: list[Scope] = Field(min_length=1, max_length=10)
    expires_in_days: int = Field(90, ge=1, le=365, strict=True)


class ApiToken(BaseModel):
    """An API token without its secret, which is shown once, when the token is created."""

    id: UUID
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(None, description="precise to the minute")
    hint: str = Field(description="the last four characters of the secret")


class NewApiToken(ApiToken):
    """A new API token with its secret."""

    token: str = Field(description="begins with `prv_`; shown once")


class ApiTokenList(BaseModel):
    """All valid API tokens, the newest first."""

    tokens: list[ApiToken]


class SecurityEntry(BaseModel):
    """A security event of the account."""

    id: int
    at: datetime
    kind: str = Field(description="clients should accept values they do not know")
    device: str = ""
    address: str = ""
    times: int = Field(
        1, description="how often it happened in a row on one day; `at` is the last time"
    )


class SecurityPage(BaseModel):
    """A page of the log, newest first; `next_cursor` is null on the last one."""

    entries: list[SecurityEntry]
    next_cursor: str | None = None


# The export


class ExportedAccount(Account):
    """The account with its second factor."""

    second_factor: SecondFactor


class DeliveryAddress(BaseModel):
    """Where mail goes: the address with its domain in ASCII."""

    ascii_email: str
    pending_ascii_email: str | None


class ExportedSession(SessionSummary):
    """A session, also one that has ended not long ago."""

    ended_at: datetime | None


class ExportedDevice(BaseModel):
    """A device the person has logged in from; its hash is left out."""

    first_seen_at: datetime
    last_seen_at: datetime


class ExportedMail(BaseModel):
    """A mail about the account, as the person it is about may see it."""

    kind: AccountMailKind
    email: str
    ascii_email: str
    details: dict[str, str]
    requested_at: datetime
    expires_at: datetime
    used_at: datetime | None


class Export(BaseModel):
    """What auth stores about a person, except secrets and hashes; the log has pages of its own."""

    account: ExportedAccount
    delivery: DeliveryAddress
    sessions: Sequence[ExportedSession]
    devices: Sequence[ExportedDevice]
    tokens: Sequence[ApiToken]
    mails: Sequence[ExportedMail]


# What the notifier asks


class ContactsRequest(RequestBody):
    """The users to write to."""

    user_ids: list[UUID] = Field(max_length=1000)


class Recipient(BaseModel):
    """Where a mail goes (`email`, its domain in ASCII), and how its reader reads."""

    email: str
    language: Language
    time_zone: str


class Contact(Recipient):
    """A user's address; `confirmed`: it is proven to be theirs."""

    user_id: UUID
    confirmed: bool


class ContactList(BaseModel):
    """The users who still exist."""

    contacts: list[Contact]


class AccountMailDetails(BaseModel):
    """What happened to the account, as far as auth knows it."""

    device: str | None = None
    address: str | None = None
    at: datetime | None = None
    new_email: str | None = None


class AccountMail(Recipient):
    """What a mail about the account says. `token` belongs into its link and nowhere else."""

    token: str | None = Field(None, repr=False)
    expires_at: datetime | None = None
    details: AccountMailDetails = AccountMailDetails()
