"""Text of users as HTML in which invisible characters are shown."""

from functools import cache

from markupsafe import Markup, escape

from shared import visible_text
from shared.code_spans import mark_code

_MAX_NAMED = 20  # labels that have names; more would enlarge the page
_MAX_KINDS = 6  # kinds of invisible characters that the editor lists
_MARK_COLUMNS = 6


def visible(text: str) -> Markup:
    """One line of text; invisible characters are shown as labels with their code points."""
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
    """About how many characters of a line fit into `columns`."""
    crowded = visible_text.count(text[:columns]) > columns // 10
    return columns // _MARK_COLUMNS if crowded else columns


def breakable(name: str) -> Markup:
    """A file name that can wrap after `_`."""
    parts = (visible(part) for part in name.split("_"))
    return Markup("_<wbr>").join(parts)


def code_spans(text: str) -> Markup:
    """Turn backticks in the linter's messages into `<code>`."""
    lines = (mark_code(line, visible) for line in text.split("\n"))
    return Markup("\n").join(lines)


def unseen(text: str) -> tuple[list[Markup], int]:
    """Labels of the first kinds of invisible characters in a text, and how many more there are."""
    found = visible_text.kinds(text)
    shown = [Markup(f"{_unnamed(one)} {visible_text.name(one)}") for one in found[:_MAX_KINDS]]  # noqa: S704
    return shown, len(found) - len(shown)
