# ruff: noqa: RUF001 - letters of other scripts are meant
"""Nothing that others wrote vanishes, and nothing moves what stands around it."""

import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.visible_text import kinds, name, number, rewritten, visible

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}


def marks(text: str) -> list[str]:
    found: list[str] = []
    rewritten(text, lambda char: found.append(number(char)) or "")  # type: ignore[func-returns-value]
    return found


def test_every_character_of_the_categories_that_draw_nothing_is_kinds() -> None:
    missed = [
        number(char)
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char) in _UNSEEN and char not in "\t " and not marks(f"a{char}")
    ]
    assert missed == []


@pytest.mark.parametrize(
    "char",
    [
        *("\u202a", "\u2066", "\u2069", "\u061c", "\u200f"),  # direction
        *("\u200b", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u200c", "\u200d"),  # no width
        *("\0", "\x08", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\r"),  # control
        *("\u00a0", "\u2007", "\u205f", "\u3000", "\u2028", "\u2029"),  # spaces and separators
        *("\u3164", "\u115f", "\uffa0", "\u2800", "\u17b4", "\u034f"),  # letters without ink
        *("\ufe0f", "\ufe00", "\U000e0101", "\U000e0041", "\ud800", "\uffff", "\U0010fffe"),
    ],
)
def test_what_draws_nothing_is_marked_between_letters(char: str) -> None:
    assert marks(f"x{char}y") == [number(char)]
    assert visible(f"x{char}y") == f"x[{number(char)}]y"


@pytest.mark.parametrize(
    "text",
    [
        "def f():\treturn 'é ü ß'",
        "Привет, мир",
        "可视文本 こんにちは",
        "a\u0301",  # an accent on a letter
        "می\u200cشود",  # Persian wants the non-joiner here
        "क्\u200dष",
        "❤\ufe0f ⚠\ufe0f 👩\u200d💻",
        "→ … “x” ±",
    ],
)
def test_what_is_seen_is_left_alone(text: str) -> None:
    assert marks(text) == []
    assert visible(text) == text


@pytest.mark.parametrize("text", ["ش\u200cb", "1\u200d2", "❤\ufe0f\ufe0f", "\ufe0f", "👩\u200dx"])
def test_joiners_and_selectors_elsewhere_are_kinds(text: str) -> None:
    assert len(marks(text)) == 1


def test_a_sign_that_combines_with_nothing_of_its_piece_is_kinds() -> None:
    assert marks("\u0301\u0488x") == ["U+0301", "U+0488"]
    assert marks("x\u200b\u0301y") == ["U+200B", "U+0301"]


def test_letters_from_right_to_left_are_told_apart() -> None:
    text = 'a = "שלום עולם ", 1, "مرحبا"'
    shown = rewritten(text, number, lambda run: f"<{run}>")
    assert shown == 'a = "<שלום עולם> ", 1, "<مرحبا>"'


@given(st.text(st.characters(), max_size=60))
def test_nothing_else_changes(text: str) -> None:
    assert rewritten(text, str) == text
    assert "\u202e" not in visible(text)


def test_marks_have_the_names_of_unicode() -> None:
    assert name("\u202e") == "RIGHT-TO-LEFT OVERRIDE"
    assert name("\x0c") == "FORM FEED"
    assert name("\x01")


def test_the_marks_of_a_file_are_told_once_each() -> None:
    assert kinds("a\u200b\n\x0cb\u200b\n\n") == ["\u200b", "\x0c"]


@pytest.mark.parametrize("text", ["\u202e", "ש ", "א" + " " * 999, "\u0301", "\u200d❤", "x\n"])
def test_any_text_takes_linear_time(text: str) -> None:
    whole, started = text * ((1 << 18) // len(text)), time.process_time()
    assert len(visible(whole)) >= len(whole)
    assert len(kinds(whole)) <= 2
    assert time.process_time() - started < 20  # seconds; two on a machine like ours


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("می\u200cخواهم", "می\u200cخواهم"),  # parts letters that would join
        ("ا\u200cب", "ا[U+200C]ب"),  # these never join
        ("دو\u200c\u200cبار", "دو[U+200C][U+200C]بار"),
        ("ب\u200d ب", "ب[U+200D] ب"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
    ],
)
def test_a_joiner_that_does_nothing_is_marked_in_scripts_that_have_joiners(
    text: str, shown: str
) -> None:
    assert visible(text) == shown
    assert kinds(f"x\n{text}") == sorted(
        {char for char in text if shown != text} & {"\u200c", "\u200d"}
    )
