"""Headers are within the limits of RFC 2047 and RFC 5322, and are decoded unchanged."""

import email
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.mail.address import parse_address
from services.notifier.mail.message import Draft, compose
from services.notifier.mail.verification import UnsafeMessage
from shared.visible_text import visible
from tests.unit.notifier.received import ENCODED_WORD, HEADERS, as_received

_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")
PRINTABLE = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=300
).filter(lambda text: visible(text) == text)
LONG = [
    "Очень длинное имя отправителя, которое никак не помещается в одну строку заголовка",
    "Ætherëum Ñandúñez-Ünwürdigkeit Ÿ" * 8,
    "漢字かな交じり文のとても長い名前" * 10,
    "😀𠀀" * 60,
    "x" * 300,
    "й" + "x" * 300 + "й",
    "word " * 60,
    "=?" * 100,
    ENCODED_WORD,
    "a  b",
    " led and trailed ",
    "",
]


def _draft(subject: str = "Hello", name: str = "Prereview") -> Draft:
    return Draft(
        sender=Address(name, "no-reply", "prereview.example"),
        recipient=parse_address("ann@example.org"),
        subject=subject,
        message_id="0190b2aa-7c1e-7d53-9f1e-3b0c8f7f5a11@prereview.example",
        date=datetime(2026, 11, 22, tzinfo=UTC),
        text="Hello.\n",
        html="<p>Hello.</p>",
    )


def _lines_of_headers(content: bytes) -> list[str]:
    """Of the mail and of its parts."""
    heads = re.split(rb"^--[^\r\n]*\r\n", content, flags=re.MULTILINE)
    return [
        line
        for head in heads
        for line in head.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    ]


def _check_lines(content: bytes) -> None:
    for line in _lines_of_headers(content):
        words = _WORD.findall(line)
        assert all(len(word) <= 75 for word in words), line
        assert len(line) <= (76 if words else 78), line


def _read_mailbox(content: bytes, header: str) -> Address:
    """By the older of Python's parsers: the newer one (3.11.7) adds spaces between words."""
    line = re.sub(r"\r?\n", "", email.message_from_bytes(content)[header])
    name, address = parseaddr(line)
    return Address(str(make_header(decode_header(name))), addr_spec=address)


def _check(draft: Draft) -> None:
    mail = compose(draft)
    _check_lines(mail.octets)
    received = as_received(mail)
    assert received.keys() == HEADERS
    assert received["Subject"] == draft.subject
    assert _read_mailbox(mail.octets, "From") == draft.sender
    assert _read_mailbox(mail.octets, "To") == draft.recipient
    assert mail.sender == draft.sender
    assert not received["Subject"].defects
    assert not received["From"].defects


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:10])
def test_long_and_strange_texts_keep_the_limits(text: str) -> None:
    _check(_draft(subject=text, name=text))


@settings(deadline=None)
@given(PRINTABLE)
def test_any_printable_subject_keeps_them_and_arrives_as_it_is(subject: str) -> None:
    _check(_draft(subject=subject))


@settings(deadline=None)
@given(PRINTABLE)
def test_any_printable_name_keeps_them_and_arrives_as_it_is(name: str) -> None:
    _check(_draft(name=name))


@pytest.mark.parametrize("length", range(55, 80))
@pytest.mark.parametrize("letter", "xй漢😀")
def test_where_a_line_ends_no_word_is_too_long(letter: str, length: int) -> None:
    _check(_draft(letter * length, "x" * (length % 5) + letter * length))


def test_the_longest_address_stays_on_one_line() -> None:
    """It has no place to break; RFC 5322 allows up to 998 octets where it can't be helped."""
    address = "x" * 64 + "@" + ".".join(["d" * 60] * 3) + ".org"
    draft = _draft()
    sender = Address("Имя", addr_spec=address)
    mail = compose(Draft(**{**vars(draft), "sender": sender, "recipient": parse_address(address)}))
    assert _read_mailbox(mail.octets, "From") == sender
    assert _read_mailbox(mail.octets, "To").addr_spec == address
    assert all(len(line) <= 998 for line in _lines_of_headers(mail.octets))


@pytest.mark.parametrize("name", ["nul\0", "mark\u202e", "joiner\u200d"])
def test_a_name_that_does_not_print_is_caught(name: str) -> None:
    with pytest.raises(UnsafeMessage, match="not one printable line"):
        compose(_draft(name=name))
