"""The table of what errors say: complete, without a leftover, and all of it in Russian."""

import pytest

from shared.error_messages import SENTENCES, sentence
from shared.errors import DomainError
from shared.i18n.catalogue import FOLDER
from tests.support.catalogues import read_catalogue, translated, with_other_places
from tests.unit.shared.test_errors import ALL_ERRORS

WITHOUT_A_CLASS = {"method_not_allowed", "headers_too_large", "internal"}  # of shared/web
RUSSIAN = read_catalogue(FOLDER / "ru" / "errors.po")


def test_every_code_has_a_sentence_and_every_sentence_a_code() -> None:
    assert set(SENTENCES) == {error.code for error in ALL_ERRORS} | WITHOUT_A_CLASS


@pytest.mark.parametrize("code", SENTENCES)
def test_every_sentence_ends_as_one(code: str) -> None:
    assert SENTENCES[code].endswith((".", "?"))


def test_every_sentence_is_there_in_russian_with_the_same_values() -> None:
    assert translated(RUSSIAN) == {(None, english) for english in SENTENCES.values()}
    assert with_other_places(RUSSIAN) == []


@pytest.mark.parametrize(
    ("code", "params", "said"),
    [
        ("too_many_files", {"limit": 7}, "You can have at most 7 files. Delete one first."),
        ("too_many_files", {"other": 7}, SENTENCES["refused"]),
        ("of_the_future", {"limit": 7}, SENTENCES["refused"]),
    ],
)
def test_what_is_not_known_here_gets_a_general_sentence(
    code: str, params: dict[str, object], said: str
) -> None:
    assert sentence(code, params) == said
    assert sentence(code, params, str.upper) != said


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: error.__name__)
def test_a_docstring_does_not_repeat_the_sentence(error: type[DomainError]) -> None:
    docstring = " ".join((vars(error)["__doc__"] or "").split())
    assert docstring not in SENTENCES.values()
