"""Finished octets that are not the mail we meant are caught, and the mails we mean are not."""

import email.policy
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.mail.address import parse_address
from services.notifier.mail.header_text import header_mailbox, header_text
from services.notifier.mail.message import Draft, compose
from services.notifier.mail.proof import UnsafeMessage, read_headers, require
from shared.visible_text import visible
from tests.unit.notifier.received import NASTY

KEY = "0190b2aa-7c1e-7d53-9f1e-3b0c8f7f5a11"
BOUNDARY = f"=_{KEY}"
PRINTABLE = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=120
).filter(lambda text: visible(text) == text)


def a_draft(
    subject: str = "Hello", name: str = "Prereview", text: str = "Hi.", html: str = "<p>Hi."
) -> Draft:
    return Draft(
        sender=Address(name, "no-reply", "prereview.example"),
        recipient=parse_address("ann@example.org"),
        subject=subject,
        message_id=f"{KEY}@prereview.example",
        date=datetime(2026, 11, 22, tzinfo=UTC),
        text=text,
        html=html,
    )


OCTETS = compose(a_draft()).octets
INTENDED = read_headers(OCTETS.partition(b"\r\n\r\n")[0])
SUBJECT = b"Subject: Hello\r\n"


def test_what_was_meant_passes() -> None:
    require(OCTETS, INTENDED, BOUNDARY)


@pytest.mark.parametrize(
    "subject",
    [
        b"Subject: Hello\r\nBcc: x@y.z\r\n",
        b"Bcc: x@y.z\r\nSubject: Hello\r\n",
        b"Subject: Hello\r\nSubject: Hello\r\n",
        b"Subject: Hello\r\nTo: x@y.z\r\n",
        b"Subject: Hello\r\nX-Other: 1\r\n",
        b"Subject: Hello\r\n Bcc: x@y.z\r\n",
        b"Subject: Hello\nBcc: x@y.z\r\n",
        b"Subject: Hello\rBcc: x@y.z\r\n",
        b"Subject: Hello\r\n\r\nBcc: x@y.z\r\n",
        b"Subject: Hello\r\n \r\nBcc: x@y.z\r\n",
        b"Subject: Hello\x0bBcc: x@y.z\r\n",
        b"Subject: Hello\x00\r\n",
        b"Subject: Hello\tthere\r\n",
        b"Subject: Hell\xc3\xb6\r\n",
        b"Subject : Hello\r\n",
        b"Subject:Hello\r\n",
        b"Subject\r\n",
        b"Subject: hello\r\n",
        b"subject: Hello\r\n",
        b"",
        # What CVE-2024-6923 lets pass: a line break inside of an encoded word, in any writing.
        b"Subject: =?utf-8?q?Hello=0D=0ABcc=3A_x=40y.z?=\r\n",
        b"Subject: =?utf-8?q?Hello=0ABcc=3A_x=40y.z?=\r\n",
        b"Subject: =?UTF-8?Q?Hello=0D=0ABcc=3A_x=40y.z?=\r\n",
        b"Subject: =?utf-8?b?SGVsbG8NCkJjYzogeEB5Lno=?=\r\n",
        b"Subject: Hello =?utf-8?b?DQpCY2M6IHhAeS56?=\r\n",
        b"Subject: Hello\r\n =?utf-8?b?DQpCY2M6IHhAeS56?=\r\n",
        b"Subject: Hello=?utf-8?q?=0D=0A?=\r\n",
        b"Subject: =?iso-8859-1?q?Hello?=\r\n",
        b"Subject: =?utf-8*en?q?Hello?=\r\n",
        b"Subject: =?utf-8?b?not base64!?=\r\n",
        b"Subject: =?utf-8?b?//8=?=\r\n",
        b"Subject: =?utf-8?q?=FF?=\r\n",
        b"Subject: =?utf-8?q?Hello\r\n",
    ],
)
def test_a_smuggled_header_is_caught(subject: bytes) -> None:
    with pytest.raises(UnsafeMessage):
        require(OCTETS.replace(SUBJECT, subject), INTENDED, BOUNDARY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"To: ann@example.org", b"To: ann@example.org, x@y.z"),
        (b"To: ann@example.org", b"To: x@y.z"),
        (b"From: Prereview", b"From: Somebody"),
        (b"Message-ID: <0", b"Message-ID: <1"),
        (b"auto-generated", b"no"),
        (b"multipart/alternative", b"text/plain"),
        (b'boundary="', b'boundary="x'),
        (b"Hi.", f"--{BOUNDARY}\r\n\r\nHi.".encode()),
        (b"Hi.", f"--{BOUNDARY}--\r\nHi.".encode()),
        (f"--{BOUNDARY}--".encode(), b""),
        (b"Hi.", b"Hi\n.\r\n"),
        (b"Hi.", b"Hi\r.\r\n"),
        (b"Hi.", "Hí.".encode()),
    ],
)
def test_another_value_or_body_is_caught(old: bytes, new: bytes) -> None:
    assert old in OCTETS
    with pytest.raises(UnsafeMessage):
        require(OCTETS.replace(old, new, 1), INTENDED, BOUNDARY)


def by_the_standard_library(draft: Draft) -> bytes:
    """The same mail put together by Python's own `EmailMessage`."""
    policy = email.policy.SMTP.clone(cte_type="7bit", refold_source="none")
    message = EmailMessage(policy=policy)
    message.set_raw("From", header_mailbox("From", draft.sender))
    message.set_raw("To", header_mailbox("To", draft.recipient))
    message.set_raw("Subject", header_text("Subject", draft.subject))
    message["Date"] = format_datetime(draft.date)
    message["Message-ID"] = f"<{draft.message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(draft.text, cte=_shorter(draft.text))
    message.add_alternative(draft.html, subtype="html", cte=_shorter(draft.html))
    for part in message.iter_parts():
        del part["MIME-Version"]
    message.set_boundary(BOUNDARY)
    return message.as_bytes(policy=policy)


def _shorter(text: str) -> str:
    octets = text.encode()
    return "base64" if sum(octet > 126 for octet in octets) * 6 > len(octets) else QUOTED


QUOTED = "quoted-printable"
BODIES = st.text(st.sampled_from("ab .=\t\r\n\x0c\x1c\x85\u2028<йж漢😀"), max_size=400) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=200
)


@settings(deadline=None)
@given(PRINTABLE, PRINTABLE, BODIES, BODIES)
def test_the_octets_are_those_of_the_standard_library(
    subject: str, name: str, text: str, html: str
) -> None:
    draft = a_draft(subject, name, text, html)
    assert compose(draft).octets == by_the_standard_library(draft)


@pytest.mark.parametrize("nasty", NASTY)
def test_so_are_those_of_a_nasty_body(nasty: str) -> None:
    body = visible(nasty) + "\n" + ". \n" * 40
    assert compose(a_draft(text=body)).octets == by_the_standard_library(a_draft(text=body))
