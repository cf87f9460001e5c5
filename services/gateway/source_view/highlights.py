"""The highlighting of a text, and its lines in styled pieces."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from services.gateway.source_view.highlight_styles import STYLES

_START = array("I").itemsize


@dataclass(frozen=True)
class Highlights:
    """Runs of one style: their starts in characters, and their indexes in `STYLES`."""

    starts: "array[int]"  # quoted: not generic in Python 3.11
    styles: bytes

    @classmethod
    def read(cls, octets: bytes) -> Self:
        """Decode the highlighter's output; raises `ValueError` if it is malformed."""
        count, rest = divmod(len(octets), _START + 1)
        starts, styles = array("I", octets[: count * _START]), octets[count * _START :]
        if rest or starts[:1] != array("I", [0]) or max(styles) >= len(STYLES):
            raise ValueError("Not the output of the highlighter")
        return cls(starts, styles)

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        return len(self.styles) * (_START + 1)

    def pieces(self, begin: int, end: int) -> Iterator[tuple[int, int, str]]:
        """The runs between two offsets, with their styles."""
        index = bisect_right(self.starts, begin) - 1
        while begin < end:
            last = index + 1 == len(self.starts)
            stop = end if last else min(end, self.starts[index + 1])
            yield begin, stop, STYLES[self.styles[index]]
            begin, index = stop, index + 1


PLAIN = Highlights(array("I", [0]), b"\0")


@dataclass(frozen=True)
class HighlightedLine:
    """A line, and its offset in the highlighted text."""

    text: str
    begin: int
    highlights: Highlights

    def pieces(self, begin: int, end: int) -> Iterator[tuple[str, str]]:
        """The pieces between two columns: text and style."""
        for start, stop, style in self.highlights.pieces(self.begin + begin, self.begin + end):
            yield self.text[start - self.begin : stop - self.begin], style


def highlighted_lines(
    text: str, highlights: Highlights, rows: set[int]
) -> dict[int, HighlightedLine]:
    """The lines `rows` that exist, by number. Lines of `text` must end in LF."""
    lines, begin = {}, 0
    for row in range(1, max(rows, default=0) + 1):
        end = text.find("\n", begin)
        stop = len(text) if end < 0 else end
        if row in rows:
            lines[row] = HighlightedLine(text[begin:stop], begin, highlights)
        if end < 0:
            break
        begin = end + 1
    return lines
