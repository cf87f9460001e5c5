"""What changed between two texts, as people read it."""

import re
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.files import changes as module
from services.files.changes import changes, source, totals
from services.files.diff import CONTEXT, SHOWN, compare
from shared.contracts.http.files import Comparison

LINES = st.lists(st.sampled_from(["", "a", "b", "\x0c", "\u2028", "x\x00y", "é"]), max_size=30)


def _compare(old: bytes, new: bytes) -> Comparison:
    return compare(source(old), source(new))


def _shown(found: Comparison) -> list[str]:
    signs = {"same": " ", "added": "+", "removed": "-"}
    shown = []
    for hunk in found.hunks:
        head = f"-{hunk.old_start},{hunk.old_lines} +{hunk.new_start},{hunk.new_lines}"
        shown += [head, *(signs[line.kind] + line.text for line in hunk.lines)]
    return shown


@settings(deadline=None)
@given(LINES, LINES)
def test_the_changes_lead_from_the_old_lines_to_the_new(old: list[str], new: list[str]) -> None:
    built: list[str] = []
    at = 0
    for change in changes(old, new):
        assert change.old or change.new
        built += old[at : change.old.start]
        assert len(built) == change.new.start
        built += [new[number] for number in change.new]
        at = change.old.stop
    assert built + old[at:] == new


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
        olds = [line.old for line in hunk.lines if line.old]
        assert olds == list(range(hunk.old_start, hunk.old_start + hunk.old_lines))
        news = [line.new for line in hunk.lines if line.new]
        assert news == list(range(hunk.new_start, hunk.new_start + hunk.new_lines))


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
    changed[5 + 2 * CONTEXT + 1] = "z\n"
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
    assert (len(hunk.lines), hunk.old_lines, hunk.new_lines) == (SHOWN, 4_000, 1_000)
    many = "".join(f"{number}\n" * 10 for number in range(2_000)).encode()
    found = _compare(many, many.replace(b"7\n", b"x\n"))
    assert sum(len(hunk.lines) for hunk in found.hunks) == SHOWN
    assert found.truncated


def test_too_much_to_compare_is_told_as_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPARED", 7)
    old, new = ["same", *"abcd", "end"], ["same", *"xbcy", "end"]
    assert totals(changes(old, new)) == (4, 4)
    monkeypatch.setattr(module, "COMPARED", 8)
    assert totals(changes(old, new)) == (2, 2)


@settings(deadline=None)
@given(st.text(alphabet="ab\r\n\x0c\x1c\x85\u2028", max_size=30))
def test_lines_are_those_of_an_editor(text: str) -> None:
    lines = re.split("\r\n|\r|\n", text)
    assert source(text.encode()).lines == (lines if lines[-1] else lines[:-1])


@pytest.mark.parametrize("changed", [0, 4095, 4096, 9_999])
def test_a_change_far_down_is_found(changed: int) -> None:
    lines = ["same"] * 10_000
    new = [*lines[:changed], "other", *lines[changed + 1 :]]
    assert changes(lines, new) == [(range(changed, changed + 1), range(changed, changed + 1))]


class Watched(list[str]):
    """Counts how often it is looked into."""

    looks = 0

    def __getitem__(self, key: Any) -> Any:
        self.looks += 1
        return super().__getitem__(key)

    def __iter__(self) -> NoReturn:
        raise AssertionError("line by line")


def test_lines_at_the_beginning_are_not_compared_one_by_one() -> None:
    old, new = Watched([""] * 1_000_000), Watched([""] * 999_999)
    assert totals(changes(old, new)) == (1, 0)
    assert old.looks < 1_000


def test_what_looks_binary_is_compared_all_the_same() -> None:
    old, new = b"\x01\x02\x03\n" * 50 + b"a\n", b"\x01\x02\x03\n" * 50 + b"b\n\x04\n"
    assert _compare(old, new).added == 2
