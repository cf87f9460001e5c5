"""Python source by lines, each in coloured pieces."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from pygments.lexers.python import PythonLexer
from pygments.token import Token, _TokenType, is_token_subtype

MAX_COLOURED = 128 * 1024  # characters; colouring takes 4 to 15 µs each
MAX_LINE = 4000  # characters; nobody writes such lines, and hostile files consist of them
_STYLES = (
    (Token.Comment, "comment"),
    (Token.Literal.String, "string"),
    (Token.Literal.Number, "number"),
    (Token.Keyword, "keyword"),
    (Token.Operator.Word, "keyword"),
    (Token.Name.Function, "name"),
    (Token.Name.Class, "name"),
    (Token.Name.Decorator, "decorator"),
    (Token.Name.Builtin, "builtin"),
)


@dataclass
class ColouredLine:
    """A line, and where in it which style begins."""

    text: str = ""
    starts: list[int] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)

    def add(self, text: str, style: str) -> None:
        if not self.styles or self.styles[-1] != style:
            self.starts.append(len(self.text))
            self.styles.append(style)
        self.text += text

    def pieces(self, begin: int, end: int) -> Iterator[tuple[str, str]]:
        """Text and style of everything between two columns."""
        index = bisect_right(self.starts, begin) - 1
        while begin < end:
            last = index + 1 == len(self.starts)
            stop = end if last else min(end, self.starts[index + 1])
            yield self.text[begin:stop], self.styles[index]
            begin, index = stop, index + 1


def coloured_lines(source: str, wanted: set[int]) -> dict[int, ColouredLine]:
    """The wanted lines that exist, by number. Lines end as in an editor: LF, CR LF or CR."""
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    row, last = 1, max(wanted, default=0)
    lines = {1: ColouredLine()} if 1 in wanted else {}
    for style, value in _tokens(text):
        for index, piece in enumerate(value.split("\n")):
            row += bool(index)
            if row > last:
                return lines
            if row in wanted:
                lines.setdefault(row, ColouredLine())
                if piece:
                    lines[row].add(piece, style)
    return lines


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    if len(text) > MAX_COLOURED or any(len(line) > MAX_LINE for line in text.split("\n")):
        yield "", text.removeprefix("\ufeff")
        return
    for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        yield _style(kind), value


@cache
def _style(kind: _TokenType) -> str:
    return next((style for known, style in _STYLES if is_token_subtype(kind, known)), "")
