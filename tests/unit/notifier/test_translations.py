"""Everything a mail says is there in Russian, complete, and nothing more."""

import re
from pathlib import Path
from typing import Any

from babel.messages.extract import extract_from_dir

from services.notifier import mail
from tests.support.catalogues import read_catalogue, translated, with_other_places

FOLDER = Path(mail.__file__).parent
RUSSIAN = read_catalogue(FOLDER / "ru" / "mails.po")
MARKS: dict[str, Any] = {
    "N_": None,
    "NP_": ((1, "c"), 2),
    "gettext": None,
    "ngettext": (1, 2),
}


def _used() -> set[Any]:
    """Sentences marked in the code, behind their context; pairs where there is a plural."""
    found = extract_from_dir(str(FOLDER), [("**.py", "python")], keywords=MARKS)
    return {(context, message) for _, _, message, _, context in found}


def test_every_sentence_is_translated_and_no_translation_is_left_over() -> None:
    assert _used() - translated(RUSSIAN) == set(), "add these to mail/ru/mails.po"
    assert translated(RUSSIAN) - _used() == set(), "remove these from mail/ru/mails.po"


def test_translations_have_the_same_places() -> None:
    assert with_other_places(RUSSIAN) == []


def test_templates_say_nothing_of_their_own() -> None:
    for path in FOLDER.rglob("body.txt"):
        said = re.sub(r"\{[{%].*?[}%]\}", "", path.read_text("utf-8"))
        assert not any(map(str.isalpha, said)), path
