"""Why a mail was not accepted, and whether trying again can help."""

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

MAX_TEXT = 300  # characters of a reply
_PERMANENT = 5  # first digit of a reply: RFC 5321 4.2.1
# RFC 4954 section 6: the login is wrong. That is our configuration, not this mail.
_LOGIN_CODES = {530, 534, 535, 538}
CLOSING = 421  # RFC 5321 3.8: may be the reply to any command


class DeliveryFailure(Exception):
    """The mail server has not confirmed the mail; `reason` is one line for its owner to read."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class PermanentFailure(DeliveryFailure):
    """The server will never accept this mail."""


class TemporaryFailure(DeliveryFailure):
    """Try again later.

    `ambiguous`: the server may have accepted the mail without a reply. `connection_failed`: none
    could be opened, or it ended before the content was sent.
    """

    def __init__(
        self, reason: str, *, ambiguous: bool = False, connection_failed: bool = False
    ) -> None:
        self.ambiguous, self.connection_failed = ambiguous, connection_failed
        super().__init__(reason)


class ConnectionEnded(TemporaryFailure):
    """A connection that was used for other mails ended before this one: try another one."""


def failure_of(error: Exception) -> DeliveryFailure:
    """Classify an error from before the content was sent, or a refusal of the content.

    Only a 5xx to this very mail is final: a refused greeting, TLS or login would hit every mail.
    """
    match error:
        case (
            SMTPSenderRefused(code=code)
            | SMTPRecipientRefused(code=code)
            | SMTPDataError(code=code)
        ) if code // 100 == _PERMANENT and code not in _LOGIN_CODES:
            return PermanentFailure(_describe(error))
    return TemporaryFailure(_describe(error), connection_failed=ends_connection(error))


def connect_failure(error: Exception) -> TemporaryFailure:
    """Describe why no connection could be opened."""
    return TemporaryFailure(_describe(error), connection_failed=True)


def ends_connection(error: Exception) -> bool:
    """Whether the connection is lost, or the server announces its end."""
    closing = isinstance(error, SMTPResponseException) and error.code == CLOSING
    return closing or isinstance(error, ConnectionError)


def unconfirmed_failure(error: Exception) -> TemporaryFailure:
    """Describe an error between the final dot and its reply: the server may have the mail."""
    return TemporaryFailure(f"{_describe(error)}, after the whole mail was sent", ambiguous=True)


def without_recipient(text: str, address: str) -> str:
    """Remove the recipient, which mail servers repeat in replies, and events must not contain.

    With any domain: the server has seen it in ASCII, and a long text is truncated.
    """
    local_part, _, _ = address.rpartition("@")
    return re.sub(rf"{re.escape(local_part)}@[\w.-]*", "…", text, flags=re.IGNORECASE)


def _describe(error: Exception) -> str:
    """Describe an error without the server's name, which is only the operator's business."""
    match error:
        case SMTPResponseException(code=-1):  # the code aiosmtplib gives a line that is not SMTP
            return "the mail server gave an unreadable answer"
        case SMTPResponseException(code=code, message=text):
            return f"{_step(error)}: {code} {printable(text, MAX_TEXT)}".rstrip()
        case TimeoutError():
            return "the mail server did not answer in time"
        case ssl.SSLError() | OSError(__cause__=ssl.SSLError()):
            return "no secure connection to the mail server"
        case OSError():
            return "the connection to the mail server failed or was lost"
    what = printable(getattr(error, "message", type(error).__name__), MAX_TEXT)
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
