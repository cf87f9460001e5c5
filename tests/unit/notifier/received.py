"""Reads mails as mail programs do, and collects nasty input."""

import email
import email.policy
from email.message import EmailMessage
from functools import lru_cache
from html.parser import HTMLParser

from services.notifier.mail.message import Message

ENCODED_WORD = "=?utf-8?q?=0D=0ABcc=3A_x=40y.z?=.py"
HEADERS = [
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("MIME-Version", "Content-Type"),
]
NASTY = [
    "two\r\nBcc: x@y.z",
    "nul\x00 bell\x07 escape\x1b[31m",
    "\u202eright to left",
    "line\u2028separator\x85next\x0bvertical\x0cform",
    "half a \ud800 pair",
    ENCODED_WORD,
    "=?utf-8?b?DQpCY2M6IHhAeS56?=",
    "<script>alert(1)</script><img src=//x>",
    "{{7*7}} {% raise %} %s {0} {file} [[ ink ]] [% raise %] [# no more",
    "a\n.\nb",
    "й" * 3000,
]


def as_received(mail: Message) -> EmailMessage:
    return _taken_apart(mail.octets)


@lru_cache(64)
def _taken_apart(content: bytes) -> EmailMessage:
    read = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def text_of(mail: Message) -> str:
    return body_of(mail, "plain")


def body_of(mail: Message, kind: str) -> str:
    body = as_received(mail).get_body((kind,))
    assert isinstance(body, EmailMessage)
    content: str = body.get_content()
    return content


class _Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(" ".join([tag, *(name for name, _ in attrs)]))
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


def tags_of(html: str) -> list[str]:
    """The tags and attribute names of a document, in order."""
    return _read(html).tags


def links_of(html: str) -> list[str]:
    return _read(html).links


def _read(html: str) -> _Parts:
    parts = _Parts()
    parts.feed(html)
    return parts
