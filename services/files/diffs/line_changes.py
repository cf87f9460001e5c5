"""Which lines changed between two texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pygit2
from pygit2.enums import DiffOption

from shared.source_text import decode_or_replace, with_lf

# Lines of both sides together; more of them count as all replaced. libgit2 holds the GIL meanwhile:
# 0.1 s for this many lines of the worst kind, 4 s for a million.
MAX_COMPARED = 60_000
_BLOCK = 4096  # lines compared at once where nothing changed


@dataclass(frozen=True)
class Source:
    """A content, its text, and the lines that an editor shows."""

    content: bytes
    text: str
    lines: list[str]


class Change(NamedTuple):
    """Old lines and the new ones that replace them, numbered from 0; either may be empty."""

    old: range
    new: range


def parse_source(content: bytes) -> Source:
    text = decode_or_replace(content)
    lines = with_lf(text).split("\n")
    return Source(content, text, lines if lines[-1] else lines[:-1])


def count_lines(changes: Sequence[Change]) -> tuple[int, int]:
    """How many lines were removed and added."""
    return sum(len(change.old) for change in changes), sum(len(change.new) for change in changes)


def line_changes(
    old: Sequence[str], new: Sequence[str], *, max_compared: int = MAX_COMPARED
) -> list[Change]:
    """The changes in order, with unchanged lines between any two."""
    start = _common_prefix(old, new)
    end = _common_prefix(old[start:][::-1], new[start:][::-1])
    before, after = old[start : len(old) - end], new[start : len(new) - end]
    if not before and not after:
        return []
    if not before or not after or len(before) + len(after) > max_compared:
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


def _common_prefix(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines at the beginning are equal; compared in blocks, which C code does."""
    shorter = min(len(old), len(new))
    for start in range(0, shorter, _BLOCK):
        block = range(start, min(start + _BLOCK, shorter))
        if old[start : block.stop] != new[start : block.stop]:
            return next(at for at in block if old[at] != new[at])
    return shorter


def _bytes(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _range(offset: int, start: int, lines: int) -> range:
    """One side of a hunk; git numbers lines from 1, and an empty side by the line before it."""
    first = offset + (start - 1 if lines else start)
    return range(first, first + lines)
