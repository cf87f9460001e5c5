"""Text that others wrote as a piece of page: every character seen, each in its place."""

from functools import cache

from markupsafe import Markup, escape

from shared import visible_text
from shared.code_spans import mark_code

_MAX_NAMED = 20  # marks of a text that show their names; more would swell the page
_MAX_KINDS = 6  # kinds of unseen characters that the editor lists
_MARK_COLUMNS = 6


def visible(text: str) -> Markup:
    """One line of text; unseen characters are chips with their numbers."""
    escaped = str(escape(text))
    if text.isascii() and text.isprintable():
        return Markup(escaped)  # noqa: S704 - escaped above
    mark = _named if visible_text.count(text) <= _MAX_NAMED else _unnamed
    return Markup(visible_text.rewritten(escaped, mark, _isolated))  # noqa: S704 - escaped above


def _named(char: str) -> str:
    number, name = visible_text.number(char), visible_text.name(char)
    return f'<span class="unseen" title="{name}">{number}</span>'


@cache
def _unnamed(char: str) -> str:
    return f'<span class="unseen">{visible_text.number(char)}</span>'


def _isolated(letters: str) -> str:
    return f"<bdi>{letters}</bdi>"


def max_characters(text: str, columns: int) -> int:
    """How many characters of a line fit into so many columns, as good as."""
    crowded = visible_text.count(text[:columns]) > columns // 10
    return columns // _MARK_COLUMNS if crowded else columns


def breakable(name: str) -> Markup:
    """A file name that may go on in the next line after `_`."""
    parts = (visible(part) for part in name.split("_"))
    return Markup("_<wbr>").join(parts)


def code_spans(text: str) -> Markup:
    """Turn the backticks of the linter's English sentences into code. Line ends are white space."""
    lines = (mark_code(line, visible) for line in text.split("\n"))
    return Markup("\n").join(lines)


def unseen(text: str) -> tuple[list[Markup], int]:
    """The first kinds of unseen characters in a text, as chips with names; and how many more."""
    found = visible_text.kinds(text)
    shown = [Markup(f"{_unnamed(one)} {visible_text.name(one)}") for one in found[:_MAX_KINDS]]  # noqa: S704
    return shown, len(found) - len(shown)
