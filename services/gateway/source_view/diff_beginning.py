"""The first lines of a diff."""

from shared.contracts.http.files import Diff, Hunk


def beginning(diff: Diff, lines: int) -> Diff:
    """The first `lines` of a diff; `truncated` if there are more."""
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
