"""Text that others wrote, with what can't be seen in it made visible, the same in pages and mails.

Characters that draw nothing, or that move others, can hide what a program does (CVE-2021-42574).
They are shown by their number: `U+202E`. Letters written from right to left stay what they are, but
each run of them is a piece of its own, so that it can be kept from moving what stands around it.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal, NamedTuple

# Categories Cc (but the tab), Cf, Cs, Zl, Zp, and Zs (but the space); what Unicode 16 calls
# Default_Ignorable_Code_Point; noncharacters; the empty braille pattern, and two signs without ink.
_INVISIBLE = (
    r"\x00-\x08\n-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    r"\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800"
    r"\u3000\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
) + "".join(f"\\U{plane:04x}fffe\\U{plane:04x}ffff" for plane in range(1, 17))
# Joiners do what they are for between letters of these scripts and in pictures, where one selector
# may follow: that is seen. Anywhere else they are marked.
_JOINED = (
    r"\u0620-\u06dc\u06de-\u06ff\u0710-\u088f\u08a0-\u08e1\u08e3-\u0dff\u1000-\u109f"
    r"\u1780-\u17b3\u17b6-\u180a"
)
_PICTURES = (
    r"\u203c\u2049\u2139\u2194-\u21aa\u231a-\u23ff\u25aa-\u27bf\u2b05-\u2b55\U0001f000-\U0001faff"
)
_SEEN = re.compile(
    f"(?<=[{_JOINED}])[\\u200c\\u200d](?=[{_JOINED}])"
    f"|(?<=[{_PICTURES}\\ufe0f])\\u200d(?=[{_PICTURES}])|(?<=[{_PICTURES}])\\ufe0f"
)
_MARKED = re.compile(f"[{_INVISIBLE}]")
_LETTERS = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff"
_RIGHT_TO_LEFT = re.compile(f"([{_LETTERS}](?:[ \\u200c\\u200d{_LETTERS}]*[{_LETTERS}])?)")
_CONTROLS = {
    0x00: "NULL",
    0x07: "BELL",
    0x08: "BACKSPACE",
    0x0A: "LINE FEED",
    0x0B: "LINE TABULATION",
    0x0C: "FORM FEED",
    0x0D: "CARRIAGE RETURN",
    0x1B: "ESCAPE",
    0x7F: "DELETE",
    0x85: "NEXT LINE",
}


class Piece(NamedTuple):
    """A part of a text; a mark is one character that has to be shown by its number."""

    kind: Literal["text", "right_to_left", "mark"]
    text: str


def pieces(text: str) -> Iterator[Piece]:
    """All of a line of text, in its order. A tab is text."""
    begin = 0
    for place in _places(text):
        yield from _seen(text[begin:place])
        yield Piece("mark", text[place])
        begin = place + 1
    yield from _seen(text[begin:])


def _places(text: str) -> Iterator[int]:
    for found in _MARKED.finditer(text):
        if not _SEEN.match(text, found.start()):
            yield found.start()


def _seen(text: str) -> Iterator[Piece]:
    """A sign that combines with the one before is a mark where nothing is before it."""
    begin = 0
    while begin < len(text) and unicodedata.category(text[begin]).startswith("M"):
        yield Piece("mark", text[begin])
        begin += 1
    if begin == len(text):
        return
    for index, part in enumerate(_RIGHT_TO_LEFT.split(text[begin:])):
        if part:
            yield Piece("right_to_left" if index % 2 else "text", part)


def number(char: str) -> str:
    """`U+202E`."""
    return f"U+{ord(char):04X}"


def name(char: str) -> str:
    """`RIGHT-TO-LEFT OVERRIDE`, as Unicode calls it in every language."""
    return unicodedata.name(char, _CONTROLS.get(ord(char), "NOT A CHARACTER TO SHOW"))


def visible(text: str) -> str:
    """The text with marks written out, for where there is nothing but text: `x[U+202E]y`."""
    return "".join(f"[{number(one)}]" if kind == "mark" else one for kind, one in pieces(text))


def marked(text: str) -> list[str]:
    """The marks of a text of many lines, ended by LF, each once and in order of first place."""
    if text.isascii() and not _MARKED.search(text.replace("\n", "")):
        return []
    found = dict.fromkeys(text[place] for place in _places(text))
    found.pop("\n", None)
    return list(found)
