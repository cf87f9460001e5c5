"""Rules of e-mail addresses and passwords."""

from typing import NamedTuple

import idna
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from shared.errors import Invalid, Unauthenticated
from shared.join_controls import ZWJ, ZWNJ

MIN_PASSWORD = 8  # characters
MAX_PASSWORD = 1024  # characters; hashed in full, whatever the script
_MAX_EMAIL = 254  # octets, as email-validator has it: RFC 5321 4.5.3.1.3 with erratum 1690
_JOINERS = str.maketrans("", "", ZWNJ + ZWJ)


class EmailInvalid(Invalid):
    code = "email_invalid"


class PasswordTooShort(Invalid):
    code = "password_too_short"


class PasswordTooLong(Invalid):
    code = "password_too_long"


class PasswordUnreadable(Invalid):
    code = "password_unreadable"


class WrongCredentials(Unauthenticated):
    code = "wrong_credentials"


class WrongPassword(Invalid):
    code = "wrong_password"


class PasswordUnchanged(Invalid):
    code = "password_unchanged"


class EmailAddress(NamedTuple):
    """An address that a person has typed.

    `email` identifies the account and is shown: lower case, punycode decoded. Mail goes to
    `ascii_email`: the typed domain in ASCII (IDNA 2008), and the part before the @ as it was typed,
    for in lower case it may be another person's (RFC 5321 2.4).
    """

    email: str
    ascii_email: str


def check_email(raw: str) -> EmailAddress:
    """Parse an address that a person typed; nothing else does. Raises `EmailInvalid`."""
    try:
        found = _validated(raw)
    except EmailNotValidError:
        return _check_email_with_joiners(raw)
    return EmailAddress(found.normalized.lower(), found.ascii_email or "")


def normalize_email(raw: str) -> str:
    """The `email` of `check_email`; for an invalid address a text that no account has."""
    try:
        return check_email(raw).email
    except EmailInvalid:
        return f"not an address: {raw}".replace("\0", " ")


def _check_email_with_joiners(raw: str) -> EmailAddress:
    """Parse an address whose domain needs zero-width joiners, as Persian and Indic names do.

    email-validator refuses them everywhere, IDNA 2008 only where they change nothing (RFC 5892,
    A.1 and A.2). So email-validator checks the address without them. Such a domain is shown in
    ASCII, because nobody sees its joiners.
    """
    local_part, _, domain = raw.rpartition("@")
    try:
        typed = ".".join(map(_to_unicode, domain.split(".")))
        plain = typed.translate(_JOINERS)
        found = _validated(f"{local_part}@{plain}")
        ascii_email = f"{found.ascii_local_part}@{idna.encode(typed, uts46=True).decode()}"
    except (EmailNotValidError, UnicodeError):
        raise EmailInvalid from None
    if plain == typed or len(ascii_email) > _MAX_EMAIL:
        raise EmailInvalid
    return EmailAddress(ascii_email.lower(), ascii_email)


def _to_unicode(label: str) -> str:
    return idna.ulabel(label) if label.lower().startswith("xn--") else label


def _validated(raw: str) -> ValidatedEmail:
    return validate_email(raw, check_deliverability=False, allow_smtputf8=False, strict=True)


def check_password(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise PasswordTooShort(minimum=MIN_PASSWORD)
    if len(password) > MAX_PASSWORD:
        raise PasswordTooLong(maximum=MAX_PASSWORD)
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in password):
        raise PasswordUnreadable
    return password
