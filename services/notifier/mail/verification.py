"""Verifies that the finished octets of a mail have the intended headers, and no others."""

import binascii
import re
from collections.abc import Sequence

_BREAK = b"\r\n"
_PRINTABLE = re.compile(r"[ -~]+")
_FIELD = re.compile(r"([!-9;-~]+): (.*)")  # RFC 5322 2.2
_WORD = re.compile(r"=\?utf-8\?b\?([!->@-~]*)\?=")  # RFC 2047 section 2, as we write them
_BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?)")


class UnsafeMessage(Exception):
    """The finished mail does not have the headers that were intended, or is too large."""


def verify(octets: bytes, headers: Sequence[tuple[str, str]], boundary: str) -> None:
    """Read the octets as a mail program does, and compare.

    `headers` are names and values, in order, as a reader sees them: unfolded, encoded words
    decoded. Python before 3.11.10 writes an encoded word with a line break in it as a header of
    its own (CVE-2024-6923), and readers may do so when they decode one.

    Raises:
        UnsafeMessage: they are others, or the mail is not made of lines of ASCII that end in CRLF
            and two parts.
    """
    head, _, body = octets.partition(_BREAK + _BREAK)
    delimiter = f"--{boundary}".encode()
    parts = body.split(delimiter)
    rest = octets.replace(_BREAK, b"")
    # One alone ends a line for some servers only.
    if not octets.isascii() or b"\r" in rest or b"\n" in rest:
        raise UnsafeMessage("the mail is not made of lines of ASCII")
    if read_headers(head) != list(headers):
        raise UnsafeMessage("the mail's headers are not the intended ones")
    if delimiter in head or [part[:2] for part in parts] != [b"", _BREAK, _BREAK, b"--"]:
        raise UnsafeMessage("the mail's parts are not the intended ones")


def read_headers(head: bytes) -> list[tuple[str, str]]:
    """Names and decoded values.

    Raises:
        UnsafeMessage: a line is neither a header nor the rest of one.
    """
    found: list[tuple[str, str]] = []
    for line in head.decode("ascii", "replace").split("\r\n"):
        if not _PRINTABLE.fullmatch(line):
            raise UnsafeMessage("a header is not made of printable lines")
        if line.startswith(" ") and found and line.strip():
            name, value = found.pop()
            found.append((name, value + line))
        elif field := _FIELD.fullmatch(line):
            found.append((field[1], field[2]))
        else:
            raise UnsafeMessage("a line of the mail's head is no header")
    return [(name, _decoded(value)) for name, value in found]


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    if "=?" in _WORD.sub("", value):
        raise UnsafeMessage("a header has an encoded word in another form")
    try:
        return _WORD.sub(_word, _BETWEEN_WORDS.sub("", value))
    except ValueError:
        raise UnsafeMessage("a header has an encoded word that can't be read") from None


def _word(word: re.Match[str]) -> str:
    return binascii.a2b_base64(word[1], strict_mode=True).decode()
