"""Excerpts: the lines of code around a finding, which is marked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.gateway.i18n.visible_text import max_characters
from services.gateway.source_view.highlights import HighlightedLine, Highlights, highlighted_lines
from shared.contracts.checker import Finding

CONTEXT = 2  # lines shown before and after
MAX_ROWS = 5  # lines of one finding
MAX_COLUMNS = 240  # characters of a line
MAX_EXCERPTS = 200  # of a report; a page with 500 would have a megabyte


@dataclass(frozen=True)
class Span:
    """A piece of a line in one style."""

    text: str
    style: str = ""
    marked: bool = False


@dataclass(frozen=True)
class Line:
    """A line of an excerpt; `hit` if it is part of the finding."""

    number: int
    spans: list[Span]
    hit: bool


Excerpt = list[Line]


def excerpts(
    text: str, highlights: Highlights, findings: Sequence[Finding]
) -> list[Excerpt | None]:
    """An excerpt per finding; None after `MAX_EXCERPTS` and for missing lines.

    Lines of `text` must end in LF.
    """
    framed = findings[:MAX_EXCERPTS]
    rows = {row for finding in framed for row in _rows(finding)}
    lines = highlighted_lines(text, highlights, rows)
    frames = [_excerpt(finding, lines) or None for finding in framed]
    return frames + [None] * (len(findings) - len(framed))


def _rows(finding: Finding) -> range:
    last = min(finding.end_row, finding.row + MAX_ROWS - 1)
    return range(max(1, finding.row - CONTEXT), last + CONTEXT + 1)


def _excerpt(finding: Finding, lines: dict[int, HighlightedLine]) -> Excerpt:
    return [_line(finding, row, lines[row]) for row in _rows(finding) if row in lines]


def _line(finding: Finding, row: int, line: HighlightedLine) -> Line:
    place = _place(finding, row, len(line.text))
    spans = list(_spans(line, place))
    if place and not any(span.marked for span in spans):
        spans.append(Span(" ", marked=True))  # after the end of the line
    return Line(row, spans, hit=bool(place))


def _place(finding: Finding, row: int, length: int) -> range:
    """The columns of a line, from 0, that the finding covers."""
    if not finding.row <= row <= finding.end_row:
        return range(0)
    start = finding.column - 1 if row == finding.row else 0
    if row < finding.end_row:
        return range(start, max(length, start + 1))
    stop = finding.end_column - 1
    return range(start, max(stop, start + 1) if row == finding.row else stop)


def _spans(line: HighlightedLine, place: range) -> Iterator[Span]:
    """The line split at both ends of the finding; a very long line is cut around it."""
    length = len(line.text)
    most = max_characters(
        line.text[max(0, place.start - MAX_COLUMNS // 4) :][:MAX_COLUMNS], MAX_COLUMNS
    )
    low = max(0, place.start - most // 4) if length > most else 0
    high = min(length, low + most)
    start, stop = (min(max(end, low), high) for end in (place.start, place.stop))
    if low:
        yield Span("… ", "cut")
    for begin, end, marked in ((low, start, False), (start, stop, True), (stop, high, False)):
        for text, style in line.pieces(begin, end):
            yield Span(text, style, marked)
    if high < length:
        yield Span(" …", "cut")
