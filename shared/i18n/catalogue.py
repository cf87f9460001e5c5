"""Translations by gettext. The msgids are the English sentences, so English has no catalogue."""

import io
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.contracts.auth import Language

LANGUAGES: tuple[Language, ...] = ("en", "ru")
Marked = str | tuple[str, str]  # a sentence, perhaps behind its context
FOLDER = Path(__file__).parent  # of the domain `errors`


def N_(sentence: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a sentence that is translated elsewhere, where the language is known."""
    return sentence


def NP_(context: str, sentence: str) -> tuple[str, str]:  # noqa: N802 - like pgettext
    """Mark a sentence that is translated differently in that context."""
    return context, sentence


def load(domain: str, folder: Path, language: Language) -> NullTranslations:
    """The sentences of `<folder>/<language>/<domain>.po`."""
    path = folder / language / f"{domain}.po"
    if not path.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
