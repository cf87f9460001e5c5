"""Which lines changed between two texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pygit2
from pygit2.enums import DiffOption

from shared.source_text import decode_or_replace, with_lf

# Changed lines of both sides; beyond that they are told as all replaced. libgit2 keeps Python from
# doing anything else meanwhile: 0.1 s for this many of the worst kind, 4 s for a million.
COMPARED = 60_000
_BLOCK = 4096  # lines compared at once where nothing changed


@dataclass(frozen=True)
class Source:
    """A text with its lines, as an editor shows them."""

    content: bytes
    text: str
    lines: list[str]


class Change(NamedTuple):
    """Lines, from 0, in place of lines; either may be none."""

    old: range
    new: range


def source(content: bytes) -> Source:
    text = decode_or_replace(content)
    lines = with_lf(text).split("\n")
    return Source(content, text, lines if lines[-1] else lines[:-1])


def totals(found: Sequence[Change]) -> tuple[int, int]:
    """How many lines were removed and added."""
    return sum(len(change.old) for change in found), sum(len(change.new) for change in found)


def changes(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """In order, with unchanged lines between any two."""
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    before, after = old[start : len(old) - end], new[start : len(new) - end]
    if not before and not after:
        return []
    if not before or not after or len(before) + len(after) > COMPARED:
        whole = Change(range(start, start + len(before)), range(start, start + len(after)))
        return [whole]
    patch = pygit2.Patch.create_from(
        _bytes(before), _bytes(after), flag=DiffOption.FORCE_TEXT, context_lines=0
    )
    return [
        Change(
            _range(start, hunk.old_start, hunk.old_lines),
            _range(start, hunk.new_start, hunk.new_lines),
        )
        for hunk in patch.hunks
    ]


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines are the same from the beginning. A million of them take no loop over each."""
    shorter = min(len(old), len(new))
    for start in range(0, shorter, _BLOCK):
        block = range(start, min(start + _BLOCK, shorter))
        if old[start : block.stop] != new[start : block.stop]:
            return next(at for at in block if old[at] != new[at])
    return shorter


def _bytes(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _range(offset: int, start: int, lines: int) -> range:
    """A hunk's side; git numbers from 1, and where there are no lines names the one before."""
    first = offset + (start - 1 if lines else start)
    return range(first, first + lines)
