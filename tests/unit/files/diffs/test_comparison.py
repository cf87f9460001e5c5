"""What changed between two texts, as people read it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.files.diffs.comparison import CONTEXT_LINES, MAX_LINES, compare
from services.files.diffs.line_changes import parse_source
from shared.contracts.http.files import Comparison

LINES = st.lists(st.sampled_from(["", "a", "b", "\x0c", "\u2028", "x\x00y", "é"]), max_size=30)


def _compare(old: bytes, new: bytes) -> Comparison:
    return compare(parse_source(old), parse_source(new))


def _shown(found: Comparison) -> list[str]:
    signs = {"same": " ", "added": "+", "removed": "-"}
    shown = []
    for hunk in found.hunks:
        head = f"-{hunk.old_start},{hunk.old_lines} +{hunk.new_start},{hunk.new_lines}"
        shown += [head, *(signs[line.kind] + line.text for line in hunk.lines)]
    return shown


@settings(deadline=None)
@given(LINES, LINES)
def test_hunks_tell_all_of_it_with_right_numbers(old: list[str], new: list[str]) -> None:
    sides = ("".join(f"{line}\n" for line in lines).encode() for lines in (old, new))
    found = _compare(*sides)
    assert found.identical == (old == new)
    assert not found.truncated
    lines = [line for hunk in found.hunks for line in hunk.lines]
    assert sum(line.kind == "added" for line in lines) == found.added
    assert sum(line.kind == "removed" for line in lines) == found.removed
    assert len(new) - len(old) == found.added - found.removed
    for line in lines:
        assert line.old is None or old[line.old - 1] == line.text
        assert line.new is None or new[line.new - 1] == line.text
    for hunk in found.hunks:
        old_numbers = [line.old for line in hunk.lines if line.old]
        assert old_numbers == list(range(hunk.old_start, hunk.old_start + hunk.old_lines))
        new_numbers = [line.new for line in hunk.lines if line.new]
        assert new_numbers == list(range(hunk.new_start, hunk.new_start + hunk.new_lines))


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        (b"", b"a\n", ["-0,0 +1,1", "+a"]),
        (b"a\n", b"", ["-1,1 +0,0", "-a"]),
        (b"", b"\n", ["-0,0 +1,1", "+"]),
        (b"a\nb\nc\n", b"a\nc\n", ["-1,3 +1,2", " a", "-b", " c"]),
        (b"a\r\nb\rc\n", b"a\nx\nc", ["-1,3 +1,3", " a", "-b", "+x", " c"]),
        ("a\u2028b\n".encode(), "a\u2028c\n".encode(), ["-1,1 +1,1", "-a\u2028b", "+a\u2028c"]),
        (b"a\x0cb\n", b"a\x0cc\n", ["-1,1 +1,1", "-a\x0cb", "+a\x0cc"]),
    ],
)
def test_what_is_shown(old: bytes, new: bytes, shown: list[str]) -> None:
    assert _shown(_compare(old, new)) == shown


def test_changes_that_lie_apart_are_hunks_of_their_own() -> None:
    lines = [f"{number}\n" for number in range(30)]
    changed = [*lines]
    changed[5], changed[25] = "x\n", "y\n"
    found = _compare("".join(lines).encode(), "".join(changed).encode())
    assert [(hunk.old_start, hunk.old_lines) for hunk in found.hunks] == [(3, 7), (23, 7)]
    changed[5 + 2 * CONTEXT_LINES + 1] = "z\n"
    found = _compare("".join(lines).encode(), "".join(changed).encode())
    assert len(found.hunks) == 2


@pytest.mark.parametrize(
    ("old", "new", "identical", "note"),
    [
        (b"a\nb\n", b"a\nb\n", True, None),
        (b"", b"", True, None),
        (b"a\nb\n", b"a\r\nb\r\n", False, "line_endings"),
        (b"a\nb\n", b"a\nb", False, "line_endings"),
        (b"a\n", b"\xef\xbb\xbfa\n", False, "encoding"),
        (b"a\n", b"\xef\xbb\xbfa\r", False, "line_endings"),
        (b"a\n", b"b\r\n", False, None),
    ],
)
def test_what_differs_where_no_line_does(
    old: bytes, new: bytes, identical: bool, note: str | None
) -> None:
    found = _compare(old, new)
    assert (found.identical, found.note) == (identical, note)


def test_a_long_answer_is_cut_and_its_totals_are_true() -> None:
    found = _compare(b"a\n" * 4_000, b"b\n" * 4_000)
    assert (found.added, found.removed, found.truncated) == (4_000, 4_000, True)
    [hunk] = found.hunks
    assert (len(hunk.lines), hunk.old_lines, hunk.new_lines) == (MAX_LINES, 4_000, 1_000)
    many = "".join(f"{number}\n" * 10 for number in range(2_000)).encode()
    found = _compare(many, many.replace(b"7\n", b"x\n"))
    assert sum(len(hunk.lines) for hunk in found.hunks) == MAX_LINES
    assert found.truncated


def test_what_looks_binary_is_compared_all_the_same() -> None:
    old, new = b"\x01\x02\x03\n" * 50 + b"a\n", b"\x01\x02\x03\n" * 50 + b"b\n\x04\n"
    assert _compare(old, new).added == 2
