"""Encodes texts for headers: in ASCII and short lines, decoded to exactly the same text."""

import binascii
from email.headerregistry import Address

LINE = 78  # octets a line should have at most: RFC 5322 2.1.1
# With an encoded word in it, which has 75 at most and a space or the header's name before it.
ENCODED_LINE = 76  # RFC 2047 section 2

_WORD = "=?utf-8?b?{}?="
_TOP_BITS, _INSIDE = 0b11000000, 0b10000000  # of an octet of a character that is not its first


def header_text(header: str, text: str) -> str:
    """The value of a header of free text, such as the subject; lines end in CRLF."""
    return text if _is_plain(text, f"{header}: {text}") else _encoded(header, text)


def header_mailbox(header: str, mailbox: Address) -> str:
    """The value of a header with one mailbox; its display name is decoded unchanged."""
    name, written = mailbox.display_name, str(mailbox)
    if not name or _is_plain(name, f"{header}: {written}"):
        return written
    return f"{_encoded(header, name)}\r\n <{mailbox.addr_spec}>"


def _is_plain(text: str, line: str) -> bool:
    """Whether the text needs no encoding: no encoded word, no space that parsers leave out."""
    keeps_spaces = text == " ".join(text.split())
    return line.isascii() and "=?" not in text and keeps_spaces and len(line) <= LINE


def _encoded(header: str, text: str) -> str:
    """Encoded words of whole characters (RFC 2047 section 5), a line each."""
    octets, words, begin = text.encode(), list[str](), 0
    space = ENCODED_LINE - len(f"{header}: ")
    while begin < len(octets):
        end = begin + (space - len(_WORD.format(""))) // 4 * 3
        while end < len(octets) and octets[end] & _TOP_BITS == _INSIDE:
            end -= 1
        encoded = binascii.b2a_base64(octets[begin:end], newline=False).decode()
        words.append(_WORD.format(encoded))
        begin, space = end, ENCODED_LINE - len(" ")
    return "\r\n ".join(words)
