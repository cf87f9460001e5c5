"""Differences as rows, and cut to what one can read."""

from typing import Any

from services.gateway.source_view.diff_beginning import beginning
from services.gateway.source_view.diff_table import MAX_COLUMNS, Cell, pairs, unified
from shared.contracts.http.files import Diff, Hunk
from tests.unit.gateway.fake_services import diff, line


def hunk(*lines: dict[str, Any]) -> Hunk:
    return Diff.model_validate(diff(*lines)).hunks[0]


def test_removed_lines_meet_added_ones() -> None:
    rows = pairs(
        hunk(
            line("same", "a", 1, 1),
            line("removed", "one", 2),
            line("removed", "two", 3),
            line("added", "new", None, 2),
            line("same", "z", 4, 3),
        )
    )
    sides = [(row.old and row.old.number, row.new and row.new.number) for row in rows]
    assert sides == [(1, 1), (2, 2), (3, None), (4, 3)]


def test_in_one_column_the_removed_come_first() -> None:
    cells = unified(
        hunk(line("removed", "b", 1), line("removed", "c", 2), line("added", "d", None, 1))
    )
    assert [(cell.kind, cell.number) for cell in cells] == [
        ("removed", 1),
        ("removed", 2),
        ("added", 1),
    ]


def test_what_changed_inside_of_a_line_is_marked() -> None:
    (row,) = pairs(
        hunk(line("removed", "x = call(1)", 1), line("added", "x = call(1, 2)", None, 1))
    )
    assert row.old == Cell(1, "removed", "x = call(1", "", ")")
    assert row.new == Cell(1, "added", "x = call(1", ", 2", ")")


def test_lines_that_have_little_in_common_are_not_marked() -> None:
    (row,) = pairs(hunk(line("removed", "import os", 1), line("added", "print(x)", None, 1)))
    assert row.old == Cell(1, "removed", "import os")


def test_a_line_that_repeats_itself_is_not_counted_twice() -> None:
    (row,) = pairs(hunk(line("removed", "aaaa", 1), line("added", "aaaaaa", None, 1)))
    assert row.old
    assert row.new
    assert row.old.before + row.old.changed + row.old.after == "aaaa"
    assert row.new.before + row.new.changed + row.new.after == "aaaaaa"


def test_of_a_very_long_line_the_change_is_shown() -> None:
    long = "a" * 100_000
    (row,) = pairs(
        hunk(line("removed", f"{long}1{long}", 1), line("added", f"{long}2{long}", None, 1))
    )
    assert row.new
    assert row.new.changed == "2"
    assert row.new.cut
    assert len(row.new.before + row.new.changed + row.new.after) <= MAX_COLUMNS + 2
    (alone,) = unified(hunk(line("added", long, None, 1)))
    assert (len(alone.before), alone.cut) == (MAX_COLUMNS, True)


def test_the_beginning_of_a_difference_says_that_it_is_one() -> None:
    whole = Diff.model_validate(diff(*[line("added", "x", None, n) for n in range(10)]))
    assert beginning(whole, 10) == whole
    cut = beginning(whole, 4)
    assert (len(cut.hunks[0].lines), cut.truncated, cut.added) == (4, True, whole.added)
