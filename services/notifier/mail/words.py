"""The sentences of a mail in one language, read from `<language>.toml` in its folders."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_decimal

from shared.contracts.auth import Language
from shared.moments import PATTERN, utc_offset

Sentence = str | dict[str, str]  # one form, or a form per plural category of the language


@dataclass(frozen=True)
class Words:
    """Say a sentence by its key. Values only ever fill places, they are never read as a pattern."""

    language: Language
    sentences: dict[str, Sentence]
    zone: tzinfo = UTC

    def __call__(self, key: str, n: int | None = None, **values: str | int) -> str:
        """`n` is a count: it chooses the form and is written as one. Other values stay as given."""
        sentence = self.sentences[key]
        if isinstance(sentence, dict):
            sentence = sentence[_locale(self.language).plural_form(n or 0)]
        counted = {} if n is None else {"n": self.number(n)}
        return sentence.format(**counted, **values)

    def number(self, count: int) -> str:
        """`1,234`, `1 234` with a space that does not break."""
        return _number(self.language, count)

    def time(self, moment: datetime) -> str:
        """Write `12 Nov 2026, 14:03 UTC+3`, the time on the reader's clock."""
        local = moment.astimezone(self.zone)
        return (
            f"{format_datetime(local, PATTERN, locale=_locale(self.language))} {utc_offset(local)}"
        )


def load_words(language: Language, time_zone: str, *folders: Path) -> Words:
    """The sentences of the folders together, with times for a reader in `time_zone`."""
    sentences: dict[str, Sentence] = {}
    for folder in folders:
        sentences |= _read(folder / f"{language}.toml")
    return Words(language, sentences, _zone(time_zone))


@cache
def _read(file: Path) -> dict[str, Sentence]:
    return tomllib.loads(file.read_text("utf-8"))


@cache
def _locale(language: Language) -> Locale:
    return Locale.parse(language)


@lru_cache(1024)
def _number(language: Language, count: int) -> str:
    return str(format_decimal(count, locale=_locale(language)))


@lru_cache(1024)
def _zone(name: str) -> tzinfo:
    """UTC for `auto`, and for a zone that this machine does not know."""
    if name == "auto":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return UTC
