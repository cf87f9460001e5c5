"""A difference as a patch: it turns the bytes of one version into those of the other."""

from collections.abc import Iterator, Sequence

import pygit2

from services.files.changes import Change, changes, totals
from services.files.diff import CONTEXT, together

_UNENDED = "\0"  # marks a last line without a line end; no text has one
_NO_NEWLINE = "\\ No newline at end of file\n"


def patch(old: bytes, new: bytes, old_name: str, new_name: str) -> bytes:
    """A unified diff as GNU's `patch` and `git apply` take it, empty where nothing differs.

    Lines end in LF alone here, and stay in whatever encoding they are.
    """
    before, after = _lines(old), _lines(new)
    found = changes(before, after)
    removed, added = totals(found)
    changed = 100 * (removed + added) // max(1, len(before) + len(after))
    head = _renamed(old_name, new_name, 100 - changed) if old_name != new_name else ""
    if head and found:
        head += f"index {pygit2.hash(old)}..{pygit2.hash(new)} 100644\n"
    if found:
        head += f"--- a/{_named(old_name)}\n+++ b/{_named(new_name)}\n"
    hunks = (line for group in together(found) for line in _hunk(before, after, group))
    return head.encode() + "".join(hunks).encode("latin-1")


def _renamed(old: str, new: str, similarity: int) -> str:
    """As git tells it; without it `git apply` looks for a file of the new name."""
    return (
        f"diff --git a/{old} b/{new}\nsimilarity index {similarity}%\n"
        f"rename from {old}\nrename to {new}\n"
    )


def _lines(content: bytes) -> list[str]:
    """A letter for each byte."""
    lines = content.decode("latin-1").split("\n")
    last = lines.pop()
    return [*lines, last + _UNENDED] if last else lines


def _hunk(old: Sequence[str], new: Sequence[str], group: Sequence[Change]) -> Iterator[str]:
    first, last = group[0], group[-1]
    above = min(CONTEXT, first.old.start)
    below = min(CONTEXT, len(old) - last.old.stop)
    removed = range(first.old.start - above, last.old.stop + below)
    added = range(first.new.start - above, last.new.stop + below)
    yield f"@@ -{_range(removed)} +{_range(added)} @@\n"
    at = removed.start
    for change in group:
        yield from _written(" ", old[at : change.old.start])
        yield from _written("-", old[change.old.start : change.old.stop])
        yield from _written("+", new[change.new.start : change.new.stop])
        at = change.old.stop
    yield from _written(" ", old[at : removed.stop])


def _range(lines: range) -> str:
    """Counted from 1; where there are none, the line before."""
    return f"{lines.start + bool(lines)},{len(lines)}"


def _written(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line.removesuffix(_UNENDED)}\n"
        if line.endswith(_UNENDED):
            yield _NO_NEWLINE


def _named(name: str) -> str:
    """A tab tells where a name with a space ends."""
    return f"{name}\t" if " " in name else name
