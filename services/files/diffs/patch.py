"""Patches: unified diffs that turn the bytes of one version into those of another."""

from collections.abc import Iterator, Sequence

import pygit2

from services.files.diffs.comparison import CONTEXT_LINES, group_changes
from services.files.diffs.line_changes import Change, count_lines, line_changes

_NO_LINE_END = "\0"  # ends a last line that has no line end; no text has a NUL
_NO_NEWLINE = "\\ No newline at end of file\n"


def make_patch(old: bytes, new: bytes, old_name: str, new_name: str) -> bytes:
    """Return a unified diff for GNU's `patch` and `git apply`, empty where nothing differs.

    Only LF ends a line here; bytes are copied, whatever their encoding.
    """
    before, after = _lines(old), _lines(new)
    changes = line_changes(before, after)
    removed, added = count_lines(changes)
    changed = 100 * (removed + added) // max(1, len(before) + len(after))
    head = _rename_header(old_name, new_name, 100 - changed) if old_name != new_name else ""
    if head and changes:
        head += f"index {pygit2.hash(old)}..{pygit2.hash(new)} 100644\n"
    if changes:
        head += f"--- a/{_file_name(old_name)}\n+++ b/{_file_name(new_name)}\n"
    hunks = (line for group in group_changes(changes) for line in _hunk(before, after, group))
    return head.encode() + "".join(hunks).encode("latin-1")


def _rename_header(old: str, new: str, similarity: int) -> str:
    """The extended header; without it `git apply` looks for a file of the new name."""
    return (
        f"diff --git a/{old} b/{new}\nsimilarity index {similarity}%\n"
        f"rename from {old}\nrename to {new}\n"
    )


def _lines(content: bytes) -> list[str]:
    """The lines, decoded so that each byte is one character."""
    lines = content.decode("latin-1").split("\n")
    last = lines.pop()
    return [*lines, last + _NO_LINE_END] if last else lines


def _hunk(old: Sequence[str], new: Sequence[str], group: Sequence[Change]) -> Iterator[str]:
    first, last = group[0], group[-1]
    above = min(CONTEXT_LINES, first.old.start)
    below = min(CONTEXT_LINES, len(old) - last.old.stop)
    removed = range(first.old.start - above, last.old.stop + below)
    added = range(first.new.start - above, last.new.stop + below)
    yield f"@@ -{_range(removed)} +{_range(added)} @@\n"
    at = removed.start
    for change in group:
        yield from _signed_lines(" ", old[at : change.old.start])
        yield from _signed_lines("-", old[change.old.start : change.old.stop])
        yield from _signed_lines("+", new[change.new.start : change.new.stop])
        at = change.old.stop
    yield from _signed_lines(" ", old[at : removed.stop])


def _range(lines: range) -> str:
    """Lines numbered from 1; an empty range is numbered by the line before it."""
    return f"{lines.start + bool(lines)},{len(lines)}"


def _signed_lines(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line.removesuffix(_NO_LINE_END)}\n"
        if line.endswith(_NO_LINE_END):
            yield _NO_NEWLINE


def _file_name(name: str) -> str:
    """A name with a space ends in a tab, as GNU's `patch` expects."""
    return f"{name}\t" if " " in name else name
