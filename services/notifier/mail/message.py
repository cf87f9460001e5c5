"""From texts to a mail that is proven to have the headers we meant, and no other."""

import email
import email.policy
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from services.notifier.mail.header_text import header_mailbox, header_text
from shared.visible_text import visible

MAX_BYTES = 100 * 1024  # Gmail cuts off what is behind its first 102 KB.

# Seven bits, so that a mail looks the same whatever the next server can do.
_WIRE = email.policy.SMTP.clone(cte_type="7bit", refold_source="none")
_PART_HEADERS = ["Content-Type", "Content-Transfer-Encoding"]
_ALL_HEADERS = [
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("MIME-Version", "Content-Type"),
]


class UnsafeMessage(Exception):
    """The finished mail does not have the headers that were intended, or is too large."""


@dataclass(frozen=True)
class Draft:
    """A mail before it is put together. `message_id` has no angle brackets."""

    sender: Address
    recipient: Address
    subject: str
    message_id: str
    date: datetime
    text: str
    html: str


def compose(draft: Draft) -> EmailMessage:
    """Put a draft together.

    Raises:
        UnsafeMessage: see `serialise`.
    """
    message = EmailMessage(policy=_WIRE)
    _require_printable(draft)
    # What is set as it is keeps its lines; Python's own folding makes them too long, and loses or
    # adds spaces beside long words and brackets (seen with Python 3.11.7).
    message.set_raw("From", header_mailbox("From", draft.sender))
    message.set_raw("To", header_mailbox("To", draft.recipient))
    message.set_raw("Subject", header_text("Subject", draft.subject))
    message["Date"] = format_datetime(draft.date)
    message["Message-ID"] = f"<{draft.message_id}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    _add_bodies(message, draft)
    serialise(message)
    return message


def serialise(message: EmailMessage) -> bytes:
    """Give the octets to send, lines ending in CRLF.

    Raises:
        UnsafeMessage: parsed again, they have other headers than a mail of ours, other
            recipients, or are more than `MAX_BYTES`. Python before 3.11.10 writes an encoded
            word with a line break in it as a header of its own (CVE-2024-6923).
    """
    octets = message.as_bytes(policy=_WIRE)
    read = email.message_from_bytes(octets, policy=email.policy.SMTP)
    _expect(read.keys(), _ALL_HEADERS)
    _expect([str(read["To"])], [str(message["To"])])
    for part in read.iter_parts():
        _expect(part.keys(), _PART_HEADERS)
    if len(octets) > MAX_BYTES:
        raise UnsafeMessage(f"the mail has {len(octets)} bytes, more than {MAX_BYTES}")
    return octets


def _require_printable(draft: Draft) -> None:
    texts = {"subject": draft.subject, "sender's name": draft.sender.display_name}
    for what, text in texts.items():
        if visible(text) != text or "\t" in text:
            raise UnsafeMessage(f"the {what} is not one printable line")


def _add_bodies(message: EmailMessage, draft: Draft) -> None:
    message.set_content(draft.text, cte=_transfer_encoding(draft.text))
    message.add_alternative(draft.html, subtype="html", cte=_transfer_encoding(draft.html))
    for part in message.iter_parts():
        del part["MIME-Version"]
    # A boundary of its own choosing makes equal drafts equal octets.
    message.set_boundary(f"=_{draft.message_id.partition('@')[0]}")


def _transfer_encoding(text: str) -> str:
    """Choose the shorter: quoted-printable is 3 octets per foreign one, base64 4 for every 3."""
    octets = text.encode()
    foreign = sum(octet > 126 for octet in octets)  # noqa: PLR2004
    return "base64" if foreign * 6 > len(octets) else "quoted-printable"


def _expect(found: list[str], intended: list[str]) -> None:
    if sorted(found) != sorted(intended):
        raise UnsafeMessage("the mail's headers are not the intended ones")
