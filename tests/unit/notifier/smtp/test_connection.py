"""Dots at the start of a line are doubled, so that no line ends the content."""

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.smtp.connection import _stuffed

LINE = st.text("ab.", max_size=4).map(str.encode)


@given(st.lists(LINE, min_size=1, max_size=6))
def test_each_line_that_begins_with_a_dot_has_one_more(lines: list[bytes]) -> None:
    stuffed = _stuffed(b"".join(line + b"\r\n" for line in lines))
    read = stuffed.split(b"\r\n")[:-1]
    assert b"." not in read
    assert [line.removeprefix(b".") for line in read] == lines
