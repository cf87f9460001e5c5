"""Backticks become code; a line that is cut may end within it."""

import pytest
from markupsafe import Markup, escape

from shared.code_spans import mark_code


@pytest.mark.parametrize(
    ("line", "whole", "cut"),
    [
        ("no code", "no code", "no code"),
        ("`os` unused", "<code>os</code> unused", "<code>os</code> unused"),
        ("`a < b`", "<code>a &lt; b</code>", "<code>a &lt; b</code>"),
        ("cut `off", "cut `off", "cut <code>off</code>"),
        ("cut `", "cut `", "cut "),
        ("`` here", "<code></code> here", " here"),
    ],
)
def test_code_stands_between_backticks(line: str, whole: str, cut: str) -> None:
    assert mark_code(line, escape) == whole
    assert mark_code(line, escape, is_cut=True) == cut
    assert mark_code(escape(line), is_cut=True) == cut


def test_what_it_makes_is_not_escaped_again() -> None:
    assert isinstance(mark_code("`x`", escape), Markup)
    assert isinstance(mark_code("no `code", escape), Markup)
