"""The sentences of a mail in its reader's language, with times on the reader's clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from gettext import NullTranslations
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.contracts.auth import Language
from shared.i18n import catalogue, formats
from shared.i18n.catalogue import Marked


@dataclass(frozen=True)
class Words:
    """Translates sentences. Values only ever fill places, they are never read as a pattern."""

    language: Language
    catalogue: NullTranslations
    zone: tzinfo = UTC

    def gettext(self, sentence: str, **values: str | int) -> str:
        """Values stay as given."""
        return self.catalogue.gettext(sentence).format(**values)

    def translate(self, marked: Marked) -> str:
        """A sentence marked with `N_` or `NP_`."""
        if isinstance(marked, str):
            return self.catalogue.gettext(marked)
        return self.catalogue.pgettext(*marked)

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """`n` chooses the form, and `{n}` is written as a count."""
        return self.catalogue.ngettext(singular, plural, n).format(n=self.number(n))

    def number(self, count: int) -> str:
        return formats.number(self.language, count)

    def time(self, moment: datetime) -> str:
        return formats.date_time(self.language, moment.astimezone(self.zone))


@lru_cache(1024)
def load_words(language: Language, time_zone: str) -> Words:
    """The sentences of all mails, with times for a reader in `time_zone`."""
    return Words(language, _catalogue(language), _zone(time_zone))


@cache
def _catalogue(language: Language) -> NullTranslations:
    return catalogue.load("mails", Path(__file__).parent, language)


def _zone(name: str) -> tzinfo:
    """UTC for `auto`, and for a zone that this machine does not know."""
    if name == "auto":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return UTC
