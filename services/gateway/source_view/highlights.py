"""Where Python source has which colour, and its lines in coloured pieces."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from services.gateway.source_view.highlight_styles import STYLES

_START = array("I").itemsize


@dataclass(frozen=True)
class Highlights:
    """Runs of one style: where each begins, in characters of a text; and its place in `STYLES`."""

    starts: "array[int]"  # a string, for Python 3.11 knows no parameters of it
    styles: bytes

    @classmethod
    def read(cls, octets: bytes) -> Self:
        """What the highlighter wrote. Raises ValueError where it is no such thing."""
        count, rest = divmod(len(octets), _START + 1)
        starts, styles = array("I", octets[: count * _START]), octets[count * _START :]
        if rest or starts[:1] != array("I", [0]) or max(styles) >= len(STYLES):
            raise ValueError("These are no colours")
        return cls(starts, styles)

    @property
    def size(self) -> int:
        """Bytes in memory, as good as."""
        return len(self.styles) * (_START + 1)

    def pieces(self, begin: int, end: int) -> Iterator[tuple[int, int, str]]:
        """The parts between two places, with their styles."""
        index = bisect_right(self.starts, begin) - 1
        while begin < end:
            last = index + 1 == len(self.starts)
            stop = end if last else min(end, self.starts[index + 1])
            yield begin, stop, STYLES[self.styles[index]]
            begin, index = stop, index + 1


PLAIN = Highlights(array("I", [0]), b"\0")


@dataclass(frozen=True)
class HighlightedLine:
    """A line, and where in the coloured text it begins."""

    text: str
    begin: int
    highlights: Highlights

    def pieces(self, begin: int, end: int) -> Iterator[tuple[str, str]]:
        """Text and style of everything between two columns."""
        for start, stop, style in self.highlights.pieces(self.begin + begin, self.begin + end):
            yield self.text[start - self.begin : stop - self.begin], style


def highlighted_lines(
    text: str, highlights: Highlights, rows: set[int]
) -> dict[int, HighlightedLine]:
    """The wanted lines that exist, by number. Lines of `text` end in LF alone."""
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
