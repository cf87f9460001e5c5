"""Language negotiation and translations."""

from functools import cache
from gettext import NullTranslations
from pathlib import Path

from shared.contracts.auth import Language
from shared.i18n import catalogue


@cache
def translations(language: Language) -> NullTranslations:
    """The catalogue of the screens, with that of errors as a fallback."""
    sentences = catalogue.load("gateway", Path(__file__).parent, language)
    sentences.add_fallback(catalogue.load("errors", catalogue.FOLDER, language))
    return sentences


def choose(cookie: str, accept_language: str) -> Language:
    """The language of the cookie, else the first supported one of `Accept-Language`."""
    languages = [tag.partition("-")[0] for tag in (cookie, *_by_preference(accept_language))]
    return next((one for tag in languages for one in catalogue.LANGUAGES if one == tag), "en")


def _by_preference(header: str) -> list[str]:
    ranked = []
    for entry in header.lower().split(",")[:20]:
        tag, _, quality = entry.strip().partition(";q=")
        try:
            ranked.append((float(quality or 1), tag))
        except ValueError:
            continue
    return [tag for quality, tag in sorted(ranked, key=lambda one: -one[0]) if quality > 0]
