"""Octets that are not the intended mail are rejected, and intended ones are not."""

import email.policy
from datetime import UTC, datetime
from email.headerregistry import Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.mail.address import parse_address
from services.notifier.mail.message import Draft, compose
from services.notifier.mail.verification import UnsafeMessage, read_headers, verify
from shared.visible_text import visible
from tests.unit.notifier.received import NASTY

KEY = "0190b2aa-7c1e-7d53-9f1e-3b0c8f7f5a11"
BOUNDARY = f"=_{KEY}"


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
    verify(OCTETS, INTENDED, BOUNDARY)


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
        b"Subject: =?utf-8?q?Hello?=\r\n",
        b"Subject: =?utf-8*en?q?Hello?=\r\n",
        b"Subject: =?utf-8?b?not base64!?=\r\n",
        b"Subject: =?utf-8?b?//8=?=\r\n",
        b"Subject: =?utf-8?q?=FF?=\r\n",
        b"Subject: =?utf-8?q?Hello\r\n",
    ],
)
def test_a_smuggled_header_is_caught(subject: bytes) -> None:
    with pytest.raises(UnsafeMessage):
        verify(OCTETS.replace(SUBJECT, subject), INTENDED, BOUNDARY)


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
        verify(OCTETS.replace(old, new, 1), INTENDED, BOUNDARY)


def as_sent(text: str) -> bytes:
    return b"".join(line + b"\r\n" for line in text.encode().splitlines())


def check_bodies(text: str, html: str) -> None:
    octets = compose(a_draft(text=text, html=html)).octets
    read = email.message_from_bytes(octets, policy=email.policy.default)
    parts = list(read.walk())[1:]
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part.get_payload(decode=True) for part in parts] == [as_sent(text), as_sent(html)]
    assert not any(part.defects for part in (read, *parts))
    body = octets.partition(b"\r\n\r\n")[2]
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))  # RFC 2045 6.7 and 6.8


BODIES = st.text(st.sampled_from("ab .=\t\r\n\x0c\x1c\x85\u2028<йж漢😀"), max_size=400) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=200
)


@settings(deadline=None)
@given(BODIES, BODIES)
def test_the_standard_library_reads_the_very_texts_in_short_lines(text: str, html: str) -> None:
    check_bodies(text, html)


@pytest.mark.parametrize("nasty", NASTY)
def test_so_does_it_those_of_a_nasty_body(nasty: str) -> None:
    body = visible(nasty) + "\n" + ". \n" * 40
    check_bodies(body, body)


@pytest.mark.parametrize("length", range(70, 80))
@pytest.mark.parametrize("end", ["x", "=", ".", " ", "\t", " \n.", "=\nx", "й", "й "])
def test_where_a_line_ends_it_is_not_too_long(end: str, length: int) -> None:
    check_bodies("x" * length + end, "й" * length + end)
