"""Which lines changed between two texts."""

import re
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.files.diffs.line_changes import count_lines, line_changes, parse_source

LINES = st.lists(st.sampled_from(["", "a", "b", "\x0c", "\u2028", "x\x00y", "é"]), max_size=30)


@settings(deadline=None)
@given(LINES, LINES)
def test_the_changes_lead_from_the_old_lines_to_the_new(old: list[str], new: list[str]) -> None:
    built: list[str] = []
    at = 0
    for change in line_changes(old, new):
        assert change.old or change.new
        built += old[at : change.old.start]
        assert len(built) == change.new.start
        built += [new[number] for number in change.new]
        at = change.old.stop
    assert built + old[at:] == new


def test_texts_with_too_many_changed_lines_count_as_all_replaced() -> None:
    old, new = ["same", *"abcd", "end"], ["same", *"xbcy", "end"]
    assert count_lines(line_changes(old, new, max_compared=7)) == (4, 4)
    assert count_lines(line_changes(old, new, max_compared=8)) == (2, 2)


@settings(deadline=None)
@given(st.text(alphabet="ab\r\n\x0c\x1c\x85\u2028", max_size=30))
def test_lines_are_those_of_an_editor(text: str) -> None:
    lines = re.split("\r\n|\r|\n", text)
    assert parse_source(text.encode()).lines == (lines if lines[-1] else lines[:-1])


@pytest.mark.parametrize("changed", [0, 4095, 4096, 9_999])
def test_a_change_far_down_is_found(changed: int) -> None:
    lines = ["same"] * 10_000
    new = [*lines[:changed], "other", *lines[changed + 1 :]]
    assert line_changes(lines, new) == [(range(changed, changed + 1), range(changed, changed + 1))]


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
    assert count_lines(line_changes(old, new)) == (1, 0)
    assert old.looks < 1_000
