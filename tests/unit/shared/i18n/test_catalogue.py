"""Catalogues are read from .po files; a language without one is its own."""

from pathlib import Path

import pytest

from shared.i18n.catalogue import load

RUSSIAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"

msgid "Choose"
msgstr "Выберите"

msgctxt "button"
msgid "Choose"
msgstr "Выбрать"

msgid "{n} note"
msgid_plural "{n} notes"
msgstr[0] "{n} рекомендация"
msgstr[1] "{n} рекомендации"
msgstr[2] "{n} рекомендаций"
"""  # noqa: E501


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ru").mkdir()
    (tmp_path / "ru" / "some.po").write_text(RUSSIAN, "utf-8")
    return tmp_path


def test_a_sentence_is_translated_in_its_context_and_its_plural_form(folder: Path) -> None:
    russian = load("some", folder, "ru")
    assert russian.gettext("Choose") == "Выберите"
    assert russian.pgettext("button", "Choose") == "Выбрать"
    forms = [russian.ngettext("{n} note", "{n} notes", n) for n in (1, 3, 5, 11, 21)]
    assert [form[-2:] for form in forms] == ["ия", "ии", "ий", "ий", "ия"]


def test_english_is_its_own_translation(folder: Path) -> None:
    english = load("some", folder, "en")
    assert english.gettext("Choose") == english.pgettext("button", "Choose") == "Choose"
    assert english.ngettext("{n} note", "{n} notes", 1) == "{n} note"
    assert english.ngettext("{n} note", "{n} notes", 0) == "{n} notes"
