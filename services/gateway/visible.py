"""Text that others wrote as a piece of page: every character seen, each in its place."""

from markupsafe import Markup, escape

from shared import visible_text

_NAMED = 20  # marks of a text that tell their names; more are no accident and would swell the page
_TOLD = 6  # kinds of unseen characters that the editor tells
_MARK = Markup('<span class="unseen">{}</span>')
_NAMED_MARK = Markup('<span class="unseen" title="{}">{}</span>')
_RIGHT_TO_LEFT = Markup("<bdi>{}</bdi>")


def visible(text: str) -> Markup:
    """One line of text; unseen characters are chips with their numbers."""
    if text.isascii() and text.isprintable():
        return escape(text)
    found = list(visible_text.pieces(text))
    named = sum(piece.kind == "mark" for piece in found) <= _NAMED
    return Markup("").join(_piece(piece, named=named) for piece in found)


def _piece(piece: visible_text.Piece, *, named: bool) -> Markup:
    match piece.kind:
        case "mark" if named:
            return _NAMED_MARK.format(
                visible_text.name(piece.text), visible_text.number(piece.text)
            )
        case "mark":
            return _MARK.format(visible_text.number(piece.text))
        case "right_to_left":
            return _RIGHT_TO_LEFT.format(piece.text)
        case _:
            return escape(piece.text)


def breakable(name: str) -> Markup:
    """A file name that may go on in the next line after `_`."""
    parts = (visible(part) for part in name.split("_"))
    return Markup("_<wbr>").join(parts)


def code_spans(text: str) -> Markup:
    """Turn the backticks of the linter's English sentences into code. Line ends are white space."""
    lines = (_spans(line) for line in text.split("\n"))
    return Markup("\n").join(lines)


def _spans(line: str) -> Markup:
    parts = line.split("`")
    if len(parts) % 2 == 0:
        return visible(line)
    shown = (
        Markup("<code>{}</code>").format(visible(part)) if index % 2 else visible(part)
        for index, part in enumerate(parts)
    )
    return Markup("").join(shown)


def unseen(text: str) -> tuple[list[Markup], int]:
    """The first kinds of unseen characters in a text, as chips with names; and how many more."""
    found = visible_text.marked(text)
    shown = [
        Markup("{} {}").format(_MARK.format(visible_text.number(one)), visible_text.name(one))
        for one in found[:_TOLD]
    ]
    return shown, len(found) - len(shown)
