"""Which language a visitor reads, and its sentences."""

import io
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.contracts.auth import Language

LANGUAGES: tuple[Language, ...] = ("en", "ru")
_FOLDER = Path(__file__).parent


def N_(sentence: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a sentence that is translated elsewhere, where the language is known."""
    return sentence


@cache
def translations(language: Language) -> NullTranslations:
    """The sentences of a language; English ones are their own keys."""
    path = _FOLDER / language / "gateway.po"
    if not path.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def choose(cookie: str, accept_language: str) -> Language:
    """The visitor's own choice, else the first of the browser's languages that we speak."""
    wanted = [tag.partition("-")[0] for tag in (cookie, *_by_preference(accept_language))]
    return next((known for tag in wanted for known in LANGUAGES if known == tag), "en")


def _by_preference(header: str) -> list[str]:
    ranked = []
    for entry in header.lower().split(",")[:20]:
        tag, _, quality = entry.strip().partition(";q=")
        try:
            ranked.append((float(quality or 1), tag))
        except ValueError:
            continue
    return [tag for quality, tag in sorted(ranked, key=lambda one: -one[0]) if quality > 0]
