"""Makes any text one printable line of a mail."""

import re

from shared.visible_text import visible

_BLANK = re.compile(r"[ \t\r\n]{2,}|[\t\r\n]")


def printable(text: str, limit: int) -> str:
    """One line of at most `limit` characters.

    Line breaks become spaces; what can't be seen is written out: `x[U+202E]y`.
    """
    line = visible(_BLANK.sub(" ", text[: 2 * limit]).strip())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
