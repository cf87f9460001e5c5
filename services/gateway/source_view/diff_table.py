"""Diffs as rows of a table, with changes within lines marked."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, takewhile, zip_longest
from typing import Literal

from services.gateway.i18n.visible_text import max_characters
from shared.contracts.http.files import DiffLine, Hunk

MAX_COLUMNS = 400  # characters shown of a line
_ALIKE = 0.4  # share of a line that must be equal, for changes within it to be marked


@dataclass(frozen=True)
class Cell:
    """A line of one side, split at its change."""

    number: int
    kind: Literal["same", "added", "removed"]
    before: str
    changed: str = ""
    after: str = ""
    cut: bool = False


@dataclass(frozen=True)
class Pair:
    """A row with two sides, one of which may be empty."""

    old: Cell | None
    new: Cell | None


def pairs(hunk: Hunk) -> list[Pair]:
    """Rows of two columns: removed lines beside the added lines that follow them."""
    return [pair for run in _runs(hunk) for pair in run]


def unified(hunk: Hunk) -> list[Cell]:
    """Rows of one column; unchanged lines have their new number."""
    rows: list[Cell] = []
    for run in _runs(hunk):
        same = [pair.new for pair in run if pair.new and pair.new.kind == "same"]
        gone = [pair.old for pair in run if pair.old and pair.old.kind == "removed"]
        come = [pair.new for pair in run if pair.new and pair.new.kind == "added"]
        rows += [*same, *gone, *come]
    return rows


def _runs(hunk: Hunk) -> Iterator[list[Pair]]:
    for is_same, group in groupby(hunk.lines, key=lambda line: line.kind == "same"):
        lines = list(group)
        if is_same:
            yield [Pair(_whole(line, line.old), _whole(line, line.new)) for line in lines]
        else:
            yield _changed(lines)


def _changed(lines: list[DiffLine]) -> list[Pair]:
    gone = [line for line in lines if line.kind == "removed"]
    come = [line for line in lines if line.kind == "added"]
    return [_pair(old, new) for old, new in zip_longest(gone, come)]


def _pair(old: DiffLine | None, new: DiffLine | None) -> Pair:
    if old is None or new is None:
        return Pair(_whole(old, old.old) if old else None, _whole(new, new.new) if new else None)
    first = _common(old.text, new.text)
    last = min(_common(old.text[::-1], new.text[::-1]), min(len(old.text), len(new.text)) - first)
    if first + last < _ALIKE * max(len(old.text), len(new.text)):
        return Pair(_whole(old, old.old), _whole(new, new.new))
    return Pair(_parted(old, old.old, first, last), _parted(new, new.new, first, last))


def _common(one: str, other: str) -> int:
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in alike)


def _whole(line: DiffLine, number: int | None) -> Cell:
    shown = line.text[: max_characters(line.text, MAX_COLUMNS)]
    return Cell(number or 0, line.kind, shown, cut=len(shown) < len(line.text))


def _parted(line: DiffLine, number: int | None, first: int, last: int) -> Cell:
    """The cell of a changed line; a very long line is cut around the change."""
    text, stop = line.text, len(line.text) - last
    most = max_characters(text[max(0, first - MAX_COLUMNS // 4) :], MAX_COLUMNS)
    begin = max(0, first - most // 4) if len(text) > most else 0
    end = begin + most
    before = ("… " if begin else "") + text[begin:first]
    cut = len(text) > end
    return Cell(number or 0, line.kind, before, text[first : min(stop, end)], text[stop:end], cut)
