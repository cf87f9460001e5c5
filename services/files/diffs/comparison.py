"""What changed between two texts, line by line."""

from collections.abc import Iterator, Sequence

from services.files.diffs.line_changes import Change, Source, count_lines, line_changes
from shared.contracts.http.files import Comparison, DiffLine, DiffNote, Hunk

CONTEXT_LINES = 3  # unchanged lines shown around a change
MAX_LINES = 5_000  # of all hunks together


def compare(old: Source, new: Source) -> Comparison:
    changes = line_changes(old.lines, new.lines)
    removed, added = count_lines(changes)
    hunks, left = [], MAX_LINES
    for group in group_changes(changes):
        if not left:
            break
        hunks.append(_hunk(old.lines, new.lines, group, left))
        left -= len(hunks[-1].lines)
    shown = sum(line.kind != "same" for hunk in hunks for line in hunk.lines)
    return Comparison(
        added=added,
        removed=removed,
        identical=old.content == new.content,
        note=None if changes or old.content == new.content else _note(old, new),
        truncated=shown < added + removed,
        hunks=hunks,
    )


def _note(old: Source, new: Source) -> DiffNote:
    return "encoding" if old.text == new.text else "line_endings"


def group_changes(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Groups of changes whose context lines touch, each a hunk."""
    group: list[Change] = []
    for change in changes:
        if group and change.old.start - group[-1].old.stop > 2 * CONTEXT_LINES:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _hunk(old: Sequence[str], new: Sequence[str], group: Sequence[Change], limit: int) -> Hunk:
    above = min(CONTEXT_LINES, group[0].old.start)
    old_start, new_start = group[0].old.start - above, group[0].new.start - above
    lines = [line for _, line in zip(range(limit), _lines(old, new, group), strict=False)]
    old_lines = sum(line.old is not None for line in lines)
    new_lines = sum(line.new is not None for line in lines)
    return Hunk(
        old_start=old_start + bool(old_lines),
        old_lines=old_lines,
        new_start=new_start + bool(new_lines),
        new_lines=new_lines,
        lines=lines,
    )


def _lines(old: Sequence[str], new: Sequence[str], group: Sequence[Change]) -> Iterator[DiffLine]:
    at = max(0, group[0].old.start - CONTEXT_LINES)
    for change in group:
        yield from _same(old, range(at, change.old.start), change.new.start - change.old.start)
        for number in change.old:
            yield DiffLine(kind="removed", old=number + 1, new=None, text=old[number])
        for number in change.new:
            yield DiffLine(kind="added", old=None, new=number + 1, text=new[number])
        at = change.old.stop
    last = group[-1]
    below = range(at, min(len(old), at + CONTEXT_LINES))
    yield from _same(old, below, last.new.stop - last.old.stop)


def _same(old: Sequence[str], numbers: range, shift: int) -> Iterator[DiffLine]:
    for number in numbers:
        yield DiffLine(kind="same", old=number + 1, new=number + shift + 1, text=old[number])
