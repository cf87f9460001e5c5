"""The values of the templates: the link of the button, its expiry, and facts about the event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from services.notifier.mail.printable import printable
from services.notifier.mail.words import Words
from shared.contracts.auth import AccountMailKind
from shared.contracts.http.auth import AccountMail

MAX_FACT = 200  # characters

# `{token}` is created by auth for this mail.
LINKS: dict[AccountMailKind, str] = {
    "confirm_email": "/confirm/{token}",
    "confirm_new_email": "/confirm/{token}",
    "reset_password": "/reset-password/{token}",
    "log_in": "/log-in/{token}",
    "already_registered": "/login",
    "email_changed": "/account",
    "password_changed": "/account",
    "new_sign_in": "/account",
    "second_factor_enabled": "/account/second-factor",
    "second_factor_disabled": "/account/second-factor",
    "recovery_code_used": "/account/second-factor",
}
# A second link for users who can't use the first one without their password.
WAYS_BACK: dict[AccountMailKind, str] = {
    "already_registered": "/forgotten-password",
    "password_changed": "/forgotten-password",
    "second_factor_enabled": "/forgotten-password",
    "second_factor_disabled": "/forgotten-password",
    "recovery_code_used": "/forgotten-password",
}


class LinkMissing(ValueError):
    """Auth has created no token for a mail that needs a link with one."""


@dataclass(frozen=True)
class AccountView:
    """All values that the templates use, printable. `expires` is empty without an expiry."""

    link: str
    way_back: str
    expires: str
    facts: Sequence[tuple[str, str]]
    home: str


def view_of(
    kind: AccountMailKind, mail: AccountMail, happened_at: datetime, public_url: str, words: Words
) -> AccountView:
    """Make the values; `happened_at` is used where auth gives no time.

    Raises:
        LinkMissing: the kind needs a token and there is none.
    """
    home = public_url.rstrip("/")
    needs_token = "{token}" in LINKS[kind]
    if needs_token and not mail.token:
        raise LinkMissing(kind)
    return AccountView(
        link=home + LINKS[kind].format(token=quote(mail.token or "", safe="")),
        way_back=home + WAYS_BACK[kind] if kind in WAYS_BACK else "",
        expires=_expires(mail, words) if needs_token else "",
        facts=_facts(mail, happened_at, words),
        home=home,
    )


def _expires(mail: AccountMail, words: Words) -> str:
    if not mail.expires_at:
        return ""
    until = words.time(mail.expires_at)
    return words.gettext("The link works once, until {time}.", time=until)


def _facts(mail: AccountMail, happened_at: datetime, words: Words) -> list[tuple[str, str]]:
    """Facts, each with its label; a time alone is left out."""
    details = mail.details
    texts = [
        (words.gettext("New e-mail address"), details.new_email),
        (words.gettext("Device"), _in_words(details.device or "", words)),
        (words.gettext("Internet address"), details.address),
    ]
    facts = [(name, printable(text, MAX_FACT)) for name, text in texts if text]
    at = [(words.gettext("Time"), words.time(details.at or happened_at))]
    return [*facts, *at] if facts or details.at else []


def _in_words(device: str, words: Words) -> str:
    """Translate “Firefox on Linux”, as auth gives it in every language, or a program's name."""
    browser, _, system = device.partition(" on ")
    if not system:
        return device
    return words.gettext("{browser} on {system}", browser=browser, system=system)
