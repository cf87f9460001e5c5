# ruff: noqa: RUF001 - words of many scripts
"""Where ZWNJ and ZWJ belong: between letters of a script that needs them, and nowhere else."""

import pytest

from shared.join_controls import ZWJ, ZWNJ, without_join_controls


def all_in_place(text: str) -> bool:
    return not {ZWJ, ZWNJ} & set(without_join_controls(text))


@pytest.mark.parametrize(
    "word",
    [
        "می\u200cخواهم",  # Persian: a prefix
        "کتاب\u200cها",  # a plural
        "خانه\u200cای",
        "کتابِ\u200cها",  # with a vowel sign before the joiner
        "نیم\u200cفاصله و می\u200cروم",
        "ܫ\u200cܠ",  # Syriac
        "क्\u200dष",  # Hindi: a half form
        "क्\u200cष",  # its virama shown
        "श़्\u200dर",  # a nukta between letter and virama
        "എന്\u200dറെ",  # Malayalam: a chillu of old
        "ശ്രീ\u0d28\u0d4d\u200cമ",
        "ශ්\u200dරී ලංකා",  # Sinhala: joined letters
        "ක\u200d්ෂ",  # touching letters: the joiner comes before the sign
        "র\u200d্যাম",  # Bengali: ra with ya-phala
        "হক্\u200cতা",
        "ರ\u200d್ಕ",  # Kannada: ra that is no repha
        "ક્\u200dષ",  # Gujarati
        "က္\u200cခ",  # Myanmar
        "క\u200d్ష",  # Telugu
    ],
)
def test_a_joiner_between_letters_that_need_it_is_in_place(word: str) -> None:
    assert all_in_place(word)
    assert all_in_place(f"x {word}_2")


@pytest.mark.parametrize("joiner", [ZWNJ, ZWJ])
@pytest.mark.parametrize(
    "word",
    [
        "{}",
        "{}latin",
        "lat{}in",
        "latin{}",
        "сло{}во",
        "数{}据",
        "1{}2",
        "۱{}۲",
        "می{}.py",  # no letter follows
        "{}می",
        "می {}خواهم",
        "می{} خواهم",
        "می{}a",
        "a{}می",
        "می{}۲",
        "आ{}र",  # no virama
        "क्{}",
        "क्{}.py",
        "क्{} ष",
        "क्{}ি",  # a vowel sign
        "{}्ष",
        "्{}ष",  # nothing carries the virama
        "a्{}b",  # a virama under a foreign letter
        "क्{}b",
        "a्{}ष",
        "क्{}ষ",  # letters of two scripts
        "क{}্ষ",
        "क{}्",
        "क{}्b",
        "क्{}{}ष",
        "می{}{}خواهم",
        "👩{}💻",
        "👨{}👩{}👧",
        "🏳️{}🌈",
        "क्{}👩",
        "a\u0301{}b",
        "क{}्ष",  # before a virama, where that means nothing
        "\U000e0080{}ष",  # an unassigned neighbour
        "\ud800{}\ud800",
    ],
)
def test_anywhere_else_it_is_not(word: str, joiner: str) -> None:
    assert not all_in_place(word.format(*[joiner] * word.count("{}")))


@pytest.mark.parametrize("word", ["دار\u200cها", "می\u200dخواهم", "ا\u200cب"])
def test_where_a_joiner_changes_nothing_it_is_not_in_place_either(word: str) -> None:
    """Two names would look alike: an alef or reh never joins what follows it."""
    assert not all_in_place(word)


@pytest.mark.parametrize("text", ["", "x", "слово", "می", "\u202e"])
def test_a_text_without_joiners_has_none_out_of_place(text: str) -> None:
    assert all_in_place(text)


def test_one_stray_joiner_spoils_a_text_and_a_long_one_is_read_all_the_same() -> None:
    assert not all_in_place("می\u200cخواهم a\u200cb")
    assert all_in_place("می\u200cخواهم " * 10_000)
    assert not all_in_place("ب" + "\u0301" * 100_000 + "\u200cب" + "\u200c")
