"""Code around findings: the lines an editor shows, the place marked."""

import time
from typing import Any

import pytest

from services.gateway.source_view.excerpts import MAX_COLUMNS, MAX_EXCERPTS, Excerpt, excerpts
from services.gateway.source_view.highlights import PLAIN
from shared import source_text
from shared.contracts.checker import Finding
from tests.unit.gateway.fake_services import finding


def frame(content: bytes | str, row: int, column: int = 1, **more: Any) -> Excerpt | None:
    place = {"row": row, "column": column, "end_row": row, "end_column": column + 1} | more
    raw = content.encode() if isinstance(content, str) else content
    return excerpts(source_text.shown(raw), PLAIN, [Finding(**finding(**place))])[0]


def text(found: Excerpt | None) -> dict[int, str]:
    return {line.number: "".join(span.text for span in line.spans) for line in found or []}


def marked(found: Excerpt | None) -> str:
    return "|".join(
        "".join(span.text for span in line.spans if span.marked)
        for line in found or []
        if any(span.marked for span in line.spans)
    )


def test_a_frame_has_two_lines_on_each_side() -> None:
    source = "".join(f"line{n} = {n}\n" for n in range(1, 10))
    found = frame(source, 5, 1, end_column=6)
    assert list(text(found)) == [3, 4, 5, 6, 7]
    assert marked(found) == "line5"
    assert [line.number for line in found or [] if line.hit] == [5]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_counts_once(newline: str) -> None:
    source = newline.join(["a = 1", "", "", "b = 2", "c = 3"])
    assert text(frame(source, 4)) == {4: "b = 2", 5: "c = 3"} | {2: "", 3: ""}


def test_mixed_line_ends_count_as_an_editor_counts() -> None:
    assert text(frame("a = 1\r\nb = 2\rc = 3\nd = 4", 4))[4] == "d = 4"


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x0c", "\x0b", "\x1c", "\x85"])
def test_other_separators_do_not_end_a_line(separator: str) -> None:
    source = f'a = "x{separator}y"\nb = 2\n'
    assert text(frame(source, 2))[2] == "b = 2"


@pytest.mark.parametrize("source", ["\n\n\nx = 1\n", '"""a\n\n\n"""\n', "x = 1\n\n\n\n"])
def test_blank_lines_at_both_ends_count(source: str) -> None:
    lines = source.split("\n")
    assert text(frame(source, 4))[4].rstrip() == lines[3]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("# -*- coding: cp1251 -*-\ns = 'Привет'\n".encode("cp1251"), "s = 'Привет'"),
        ("# coding: latin-1\ns = 'é'\n".encode("latin-1"), "s = 'é'"),
        (b"\xef\xbb\xbfx = 1\ny = 2\n", "y = 2"),
        (b"x = 1\ny = '\xff'\n", "y = '\ufffd'"),
        (b"# coding: nonsense\ny = 2\n", "y = 2"),
    ],
)
def test_the_declared_encoding_is_used(content: bytes, line: str) -> None:
    assert text(frame(content, 2))[2] == line


def test_a_byte_order_mark_takes_no_column() -> None:
    assert marked(frame(b"\xef\xbb\xbfimport os\n", 1, 8, end_column=10)) == "os"


def test_columns_count_characters() -> None:
    assert marked(frame("s = '😀é'; import os\n", 1, 18, end_column=20)) == "os"


def test_a_place_may_span_lines() -> None:
    source = "def f():\n    return (\n        1 +\n        2\n    )\n"
    assert marked(frame(source, 2, 12, end_row=5, end_column=6)) == "(|        1 +|        2|    )"


def test_a_place_that_ends_before_a_line_leaves_it_alone() -> None:
    found = frame("import os\nimport sys\n\nx = 1\n", 1, 1, end_row=3, end_column=1)
    assert [line.number for line in found or [] if line.hit] == [1, 2]


def test_a_place_beyond_the_end_of_a_line_is_seen() -> None:
    assert marked(frame("x = 1", 1, 6, end_column=6)) == " "


def test_a_long_place_is_cut() -> None:
    source = "x = 1\n" * 500
    assert list(text(frame(source, 100, 1, end_row=400, end_column=2))) == list(range(98, 107))


def test_a_very_long_line_shows_the_place() -> None:
    source = "x = [" + "1, " * 100_000 + "name]"
    found = frame(source, 1, len(source) - 4, end_column=len(source))
    assert marked(found) == "name"
    assert len(text(found)[1]) < MAX_COLUMNS + 10


@pytest.mark.parametrize("row", [3, 1000])
def test_a_line_that_is_not_there_has_no_frame_of_its_own(row: int) -> None:
    assert row not in text(frame("x = 1\n", row))


def test_a_report_has_so_many_frames_and_no_more() -> None:
    place = Finding(**finding(row=1, end_row=1))
    frames = excerpts("import os\n", PLAIN, [place] * (MAX_EXCERPTS + 5))
    assert sum(frame is not None for frame in frames) == MAX_EXCERPTS
    assert len(frames) == MAX_EXCERPTS + 5


def test_a_line_of_sixty_thousand_statements_costs_little() -> None:
    places = [
        Finding(**finding(row=1, end_row=1, column=4 * n + 1, end_column=4 * n + 4))
        for n in range(MAX_EXCERPTS)
    ]
    started = time.process_time()
    frames = excerpts("x=1;" * 60_000, PLAIN, places)
    assert time.process_time() - started < 2  # seconds; 533 when each frame walked the line
    assert [marked(frame) for frame in frames] == ["x=1"] * MAX_EXCERPTS
