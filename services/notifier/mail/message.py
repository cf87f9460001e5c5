"""Composes the octets of a mail and verifies its headers."""

import binascii
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.utils import format_datetime
from typing import NamedTuple

from services.notifier.mail.header_text import header_mailbox, header_text
from services.notifier.mail.verification import UnsafeMessage, verify
from shared.visible_text import visible

MAX_BYTES = 100 * 1024  # Gmail truncates mails after 102 KB.
_LINE = 76  # octets that a line of an encoded body has at most: RFC 2045 6.7 and 6.8

# Seven bits, which every server passes on unchanged.
_PART = """\
--{boundary}\r
Content-Type: text/{kind}; charset="utf-8"\r
Content-Transfer-Encoding: {encoding}\r
\r
{body}\r
"""


@dataclass(frozen=True)
class Draft:
    """The parts of a mail. `message_id` has no angle brackets."""

    sender: Address
    recipient: Address
    subject: str
    message_id: str
    date: datetime
    text: str
    html: str


@dataclass(frozen=True)
class Message:
    """A mail to deliver: lines end in CRLF. `message_id` is the header's value."""

    sender: Address
    recipient: Address
    message_id: str
    octets: bytes = field(repr=False)


class _Header(NamedTuple):
    """`value` is the raw value, `read` the decoded one."""

    name: str
    value: str
    read: str


def compose(draft: Draft) -> Message:
    """Compose a mail; equal drafts give equal octets.

    Raises:
        UnsafeMessage: a text is not one printable line, or the finished octets are no mail with
            exactly these headers (see `verify`), or more than `MAX_BYTES`.
    """
    _require_printable(draft)
    boundary = f"=_{draft.message_id.partition('@')[0]}"
    headers = _headers(draft, boundary)
    parts = [_part(draft.text, "plain", boundary), _part(draft.html, "html", boundary)]
    head = "".join(f"{name}: {value}\r\n" for name, value, _ in headers)
    octets = f"{head}\r\n{''.join(parts)}--{boundary}--\r\n".encode("ascii")
    verify(octets, [(name, read) for name, _, read in headers], boundary)
    if len(octets) > MAX_BYTES:
        raise UnsafeMessage(f"the mail has {len(octets)} bytes, more than {MAX_BYTES}")
    return Message(draft.sender, draft.recipient, f"<{draft.message_id}>", octets)


def _require_printable(draft: Draft) -> None:
    texts = {"subject": draft.subject, "sender's name": draft.sender.display_name}
    for what, text in texts.items():
        if visible(text) != text or "\t" in text:
            raise UnsafeMessage(f"the {what} is not one printable line")


def _headers(draft: Draft, boundary: str) -> list[_Header]:
    kind = "multipart/alternative;{} " + f'boundary="{boundary}"'
    return [
        _mailbox("From", draft.sender),
        _mailbox("To", draft.recipient),
        _Header("Subject", header_text("Subject", draft.subject), draft.subject),
        _fixed("Date", format_datetime(draft.date)),
        _fixed("Message-ID", f"<{draft.message_id}>"),
        _fixed("Auto-Submitted", "auto-generated"),  # RFC 3834: no out-of-office replies
        _fixed("MIME-Version", "1.0"),
        _Header("Content-Type", kind.format("\r\n"), kind.format("")),
    ]


def _fixed(name: str, value: str) -> _Header:
    return _Header(name, value, value)


def _mailbox(name: str, mailbox: Address) -> _Header:
    value = header_mailbox(name, mailbox)
    is_encoded = "\r\n" in value
    read = f"{mailbox.display_name} <{mailbox.addr_spec}>" if is_encoded else value
    return _Header(name, value, read)


def _part(text: str, kind: str, boundary: str) -> str:
    """A body in the shorter encoding.

    Quoted-printable takes 3 octets for each foreign one, base64 4 for every 3.
    """
    lines = text.encode().splitlines()
    octets = b"\r\n".join([*lines, b""])
    foreign = len(octets.translate(None, delete=_ASCII))
    # A line that ends with a blank can become one of 77 octets in `b2a_qp`.
    if foreign * 6 > len(octets) or any(line.endswith(_BLANKS) for line in lines):
        encoding, body = "base64", _base64(octets)
    else:
        encoding, body = "quoted-printable", binascii.b2a_qp(octets).decode()
    return _PART.format(boundary=boundary, kind=kind, encoding=encoding, body=body)


_ASCII = bytes(range(128))
_BLANKS = (b" ", b"\t")


def _base64(octets: bytes) -> str:
    encoded = binascii.b2a_base64(octets, newline=False).decode()
    return "".join(f"{encoded[at : at + _LINE]}\r\n" for at in range(0, len(encoded), _LINE))
