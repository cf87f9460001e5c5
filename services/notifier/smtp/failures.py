"""Why a mail was not taken, and whether trying again can help."""

import re
import ssl

from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from services.notifier.mail.printable import printable

LONGEST_TEXT = 300  # characters of what a mail server says
_FINAL = 5  # first digit of an answer that will not change
# RFC 4954 section 6: the server wants another login. That is our configuration, not this mail.
_LOGIN_CODES = {530, 534, 535, 538}
CLOSING = 421  # RFC 5321 3.8: may come as the answer to anything


class DeliveryFailure(Exception):
    """The mail server has not confirmed the mail; `reason` is one line for its owner to read."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class PermanentFailure(DeliveryFailure):
    """This mail will never be taken."""


class TemporaryFailure(DeliveryFailure):
    """Try again later.

    `ambiguous`: the server may have taken the mail without telling. `connection_failed`: none came
    about, or it ended before the content was sent.
    """

    def __init__(
        self, reason: str, *, ambiguous: bool = False, connection_failed: bool = False
    ) -> None:
        self.ambiguous, self.connection_failed = ambiguous, connection_failed
        super().__init__(reason)


class ConnectionEnded(TemporaryFailure):
    """A connection that has served other mails ended before it took this one: try another."""


def failure_of(error: Exception) -> DeliveryFailure:
    """Sort what went wrong before the content was sent, or a refusal of the content.

    Only a 5xx to this very mail is final: a refused greeting, TLS or login would hit every mail.
    """
    match error:
        case (
            SMTPSenderRefused(code=code)
            | SMTPRecipientRefused(code=code)
            | SMTPDataError(code=code)
        ) if code // 100 == _FINAL and code not in _LOGIN_CODES:
            return PermanentFailure(_describe(error))
    return TemporaryFailure(_describe(error), connection_failed=ends_connection(error))


def connect_failure(error: Exception) -> TemporaryFailure:
    """Say why no connection came about, on which a mail could have been tried."""
    return TemporaryFailure(_describe(error), connection_failed=True)


def ends_connection(error: Exception) -> bool:
    """Whether the connection is lost, or the server says that it ends it."""
    closing = isinstance(error, SMTPResponseException) and error.code == CLOSING
    return closing or isinstance(error, ConnectionError)


def unconfirmed(error: Exception) -> TemporaryFailure:
    """Sort what went wrong between the final dot and its answer: the server may have the mail."""
    return TemporaryFailure(f"{_describe(error)}, after the whole mail was sent", ambiguous=True)


def without_recipient(text: str, address: str) -> str:
    """Mail servers like to repeat the recipient; events are kept for ever and must not hold it.

    Any domain counts: the server has seen it in ASCII, and the end of a long text is cut off.
    """
    local_part, _, _ = address.rpartition("@")
    return re.sub(rf"{re.escape(local_part)}@[\w.-]*", "…", text, flags=re.IGNORECASE)


def _describe(error: Exception) -> str:
    """Say it without the server's name, which is nobody's business but the operator's."""
    match error:
        case SMTPResponseException(code=-1):  # the library's number for a line that is not SMTP
            return "the mail server gave an unreadable answer"
        case SMTPResponseException(code=code, message=text):
            return f"{_step(error)}: {code} {printable(text, LONGEST_TEXT)}".rstrip()
        case TimeoutError():
            return "the mail server did not answer in time"
        case ssl.SSLError() | OSError(__cause__=ssl.SSLError()):
            return "no secure connection to the mail server"
        case OSError():
            return "the connection to the mail server failed or was lost"
    what = printable(getattr(error, "message", type(error).__name__), LONGEST_TEXT)
    return f"the mail server can't be used: {what}"


def _step(error: SMTPResponseException) -> str:
    match error:
        case SMTPSenderRefused():
            return "sender refused"
        case SMTPRecipientRefused():
            return "recipient refused"
        case SMTPDataError():
            return "mail refused"
        case SMTPAuthenticationError():
            return "login refused"
    return "mail server refused"
