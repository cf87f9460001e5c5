"""The lines of code around a finding, coloured, with the place itself marked."""

import io
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pygments.lexers.python import PythonLexer
from pygments.token import Token, _TokenType, is_token_subtype

from shared.contracts.checker import Finding

CONTEXT = 2  # lines shown before and after
MAX_ROWS = 5  # lines of one finding
MAX_COLUMNS = 240  # characters of a line
MAX_FRAMES = 200  # frames of a report; a page of 500 would be a megabyte
MAX_COLOURED = 256 * 1024  # characters; colouring takes up to 15 µs each
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


@dataclass(frozen=True)
class Span:
    """A piece of a line in one colour."""

    text: str
    style: str = ""
    marked: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a frame; `hit` when the finding lies on it."""

    number: int
    spans: list[Span]
    hit: bool


Frame = list[Line]


def code_frames(content: bytes, findings: Sequence[Finding]) -> list[Frame | None]:
    """A frame per finding, None beyond the first ones and for lines that are not there."""
    text = _decode(content).replace("\r\n", "\n").replace("\r", "\n")
    framed = findings[:MAX_FRAMES]
    wanted = {row for finding in framed for row in _rows(finding)}
    lines = dict(_lines(text, wanted))
    frames: list[Frame | None] = [_frame(finding, lines) or None for finding in framed]
    return frames + [None] * (len(findings) - len(framed))


def _decode(content: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, LookupError, UnicodeError):
        return content.decode("utf-8", "replace")


def _rows(finding: Finding) -> range:
    last = min(finding.end_row, finding.row + MAX_ROWS - 1)
    return range(max(1, finding.row - CONTEXT), last + CONTEXT + 1)


def _lines(text: str, wanted: set[int]) -> Iterator[tuple[int, list[Span]]]:
    """The wanted lines; only a line feed ends one, as in an editor."""
    row, last = 1, max(wanted, default=0)
    spans: list[Span] = []
    for style, value in _tokens(text):
        first, *more = value.split("\n")
        for index, piece in enumerate((first, *more)):
            if index:
                if row in wanted:
                    yield row, spans
                row, spans = row + 1, []
            if row > last:
                return
            if piece and row in wanted:
                spans.append(Span(piece, style))
    if row in wanted and spans:
        yield row, spans


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    if len(text) > MAX_COLOURED:
        yield "", text
        return
    for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        yield _style(kind), value


def _style(kind: _TokenType) -> str:
    return next((style for known, style in _STYLES if is_token_subtype(kind, known)), "")


def _frame(finding: Finding, lines: dict[int, list[Span]]) -> Frame:
    return [_line(finding, row, lines[row]) for row in _rows(finding) if row in lines]


def _line(finding: Finding, row: int, spans: list[Span]) -> Line:
    if not finding.row <= row <= finding.end_row:
        return Line(row, _clipped(spans, 0), hit=False)
    start = finding.column - 1 if row == finding.row else 0
    stop = finding.end_column - 1 if row == finding.end_row else 10**9
    if row > finding.row and stop <= 0:
        return Line(row, _clipped(spans, 0), hit=False)
    marked = list(_marked(spans, start, max(stop, start + 1)))
    if not any(span.marked for span in marked):
        marked.append(Span(" ", "", marked=True))  # beyond the end: a missing newline, say
    return Line(row, _clipped(marked, start), hit=True)


def _marked(spans: list[Span], start: int, stop: int) -> Iterator[Span]:
    """Cut the spans at both ends of the place, and mark those inside."""
    at = 0
    for span in spans:
        for low, high in ((at, start), (max(at, start), stop), (max(at, stop), 10**9)):
            text = span.text[max(0, low - at) : max(0, high - at)]
            if text:
                yield replace(span, text=text, marked=low >= start and high <= stop)
        at += len(span.text)


def _clipped(spans: list[Span], place: int) -> list[Span]:
    """A window of a very long line that shows the place."""
    if sum(len(span.text) for span in spans) <= MAX_COLUMNS:
        return spans
    start = max(0, place - MAX_COLUMNS // 4)
    window: list[Span] = [Span("… ", "cut")] if start else []
    at = 0
    for span in spans:
        text = span.text[max(0, start - at) : max(0, start + MAX_COLUMNS - at)]
        if text:
            window.append(replace(span, text=text))
        at += len(span.text)
    if at > start + MAX_COLUMNS:
        window.append(Span(" …", "cut"))
    return window
