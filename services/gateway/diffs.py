"""What two versions differ in: cut, as a patch, and as rows of a page."""

from collections import Counter
from collections.abc import Iterator

from fastapi import Response

from services.gateway.disposition import attachment
from services.gateway.models import Diff, Hunk

_SIGNS = {"same": " ", "added": "+", "removed": "-"}
_CUT = "# There is more: the difference is too long to be told in full.\n"


def beginning(diff: Diff, lines: int) -> Diff:
    """The first lines of a difference, told to be cut where they are not all."""
    hunks: list[Hunk] = []
    left = lines
    for hunk in diff.hunks:
        if left <= 0:
            break
        hunks.append(hunk.model_copy(update={"lines": hunk.lines[:left]}))
        left -= len(hunk.lines)
    shown = sum(len(hunk.lines) for hunk in hunks)
    cut = shown < sum(len(hunk.lines) for hunk in diff.hunks)
    return diff.model_copy(update={"hunks": hunks, "truncated": diff.truncated or cut})


def as_patch(name: str, diff: Diff) -> Response:
    """A unified diff that a browser saves."""
    to = "sent" if diff.to is None else diff.to
    headers = {"Content-Disposition": attachment(f"{name}.{diff.from_}-{to}.diff")}
    text = "".join(_patch(name, diff))
    return Response(text, media_type="text/x-diff; charset=utf-8", headers=headers)


def _patch(name: str, diff: Diff) -> Iterator[str]:
    if not diff.hunks:
        return
    yield f"--- a/{name}\n+++ b/{name}\n"
    for hunk in diff.hunks:
        kinds = Counter(line.kind for line in hunk.lines)  # of what is shown of it
        old, new = kinds["same"] + kinds["removed"], kinds["same"] + kinds["added"]
        yield f"@@ -{hunk.old_start},{old} +{hunk.new_start},{new} @@\n"
        yield from (f"{_SIGNS[line.kind]}{line.text}\n" for line in hunk.lines)
    if diff.truncated:
        yield _CUT
