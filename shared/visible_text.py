"""Text that others wrote, with what can't be seen in it made visible, the same in pages and mails.

Characters that draw nothing, or that move others, can hide what a program does (CVE-2021-42574).
They are shown by their number: `U+202E`. Letters written from right to left stay what they are, but
each run of them is told apart, so that it can be kept from moving what stands around it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

from shared.join_controls import ZWJ, ZWNJ, is_join_control_in_place

# Categories Cc (but the tab), Cf, Cs, Zl, Zp, and Zs (but the space); what Unicode 16 calls
# Default_Ignorable_Code_Point; noncharacters; the empty braille pattern, and two signs without ink.
_INVISIBLE = (
    r"\x00-\x08\n-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    r"\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800"
    r"\u3000\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
) + "".join(f"\\U{plane:04x}fffe\\U{plane:04x}ffff" for plane in range(1, 17))
# A joiner in place between letters is seen by what it does to them (`shared.join_controls`), and
# so is one in a picture, where one selector may follow. Anywhere else they are marked.
_PICTURES = (
    r"\u203c\u2049\u2139\u2194-\u21aa\u231a-\u23ff\u25aa-\u27bf\u2b05-\u2b55\U0001f000-\U0001faff"
)
_IN_PICTURES = re.compile(
    f"(?<=[{_PICTURES}\\ufe0f])\\u200d(?=[{_PICTURES}])|(?<=[{_PICTURES}])\\ufe0f"
)
# Signs that combine with the letter before, whatever its script.
_COMBINING = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_UNSEEN = re.compile(f"[{_INVISIBLE}]")
_JOINER = re.compile(f"[{ZWNJ}{ZWJ}]")
_LETTERS = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff"
_TOLD_APART = re.compile(
    f"((?:\\A|[{_INVISIBLE}])[{_COMBINING}]+|[{_INVISIBLE}])"
    f"|[{_LETTERS}](?:[ \\u200c\\u200d{_LETTERS}]*[{_LETTERS}])?"
)
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


def rewritten(
    text: str, mark: Callable[[str], str], right_to_left: Callable[[str], str] = str
) -> str:
    """Put `mark` in place of unseen characters, `right_to_left` in place of runs of such letters.

    The text is one line; a tab is seen. A sign that combines is unseen where nothing stands before
    it that it could combine with.
    """
    if text.isascii() and text.isprintable():
        return text

    def told_apart(begin: int, end: int) -> Iterator[str]:
        for joiner in _JOINER.finditer(text, begin, end):
            if not _is_seen(text, joiner.start()):
                yield right_to_left(text[begin : joiner.start()]) + mark(joiner[0])
                begin = joiner.end()
        yield right_to_left(text[begin:end])

    def one(found: re.Match[str]) -> str:
        if found[1] is None:
            return "".join(told_apart(*found.span()))
        return found[1] if _is_seen(text, found.start()) else "".join(map(mark, found[1]))

    return _TOLD_APART.sub(one, text)


def number(char: str) -> str:
    """`U+202E`."""
    return f"U+{ord(char):04X}"


def name(char: str) -> str:
    """`RIGHT-TO-LEFT OVERRIDE`, as Unicode calls it in every language."""
    return unicodedata.name(char, _CONTROLS.get(ord(char), "NOT A CHARACTER TO SHOW"))


def visible(text: str) -> str:
    """The text with marks written out, for where there is nothing but text: `x[U+202E]y`."""
    return rewritten(text, lambda char: f"[{number(char)}]")


def count(text: str) -> int:
    """How many characters of a line are unseen, or joiners that may be."""
    return sum(1 for _ in _UNSEEN.finditer(text))


def kinds(text: str) -> list[str]:
    """The unseen characters of a text of many lines, ended by LF, each once, as first met."""
    found: dict[str, None] = {}
    for one in _UNSEEN.finditer(text):
        if one[0] not in found and one[0] != "\n" and not _is_seen(text, one.start()):
            found[one[0]] = None
    return list(found)


def _is_seen(text: str, at: int) -> bool:
    return is_join_control_in_place(text, at) or _IN_PICTURES.match(text, at) is not None
