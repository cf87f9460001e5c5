"""What counts as an e-mail address and as a password."""

from email_validator import EmailNotValidError, validate_email

from shared.errors import Invalid, Unauthenticated

MIN_PASSWORD = 8  # characters
MAX_PASSWORD = 1024  # characters; hashed in full, whatever the script


class EmailInvalid(Invalid):
    """This is not a valid e-mail address."""

    code = "email_invalid"


class PasswordTooShort(Invalid):
    """A password needs at least {minimum} characters."""

    code = "password_too_short"


class PasswordTooLong(Invalid):
    """A password has at most {maximum} characters."""

    code = "password_too_long"


class PasswordUnreadable(Invalid):
    """The password holds a character that can't be typed."""

    code = "password_unreadable"


class WrongCredentials(Unauthenticated):
    """The e-mail address or the password is wrong."""

    code = "wrong_credentials"


class WrongPassword(Invalid):
    """The current password is wrong."""

    code = "wrong_password"


class PasswordUnchanged(Invalid):
    """The new password is the current one."""

    code = "password_unchanged"


def check_email(raw: str) -> str:
    """The one spelling under which an address is kept: lower case, punycode undone."""
    try:
        found = validate_email(raw, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        raise EmailInvalid from None
    return found.normalized.lower()


def spelling(raw: str) -> str:
    """Like `check_email`; what is no address stays as it is and is nobody's."""
    try:
        return check_email(raw)
    except EmailInvalid:
        return f"not an address: {raw}".replace("\0", " ")


def check_password(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise PasswordTooShort(minimum=MIN_PASSWORD)
    if len(password) > MAX_PASSWORD:
        raise PasswordTooLong(maximum=MAX_PASSWORD)
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in password):
        raise PasswordUnreadable
    return password
