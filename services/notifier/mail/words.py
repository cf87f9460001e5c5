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
            sentence = sentence[_plural_form(self.language, n or 0)]
        if n is not None:
            values["n"] = self.number(n)
        return sentence.format(**values)

    def number(self, count: int) -> str:
        """`1,234`, `1 234` with a space that does not break."""
        return _number(self.language, count)

    def time(self, moment: datetime) -> str:
        """Write `12 Nov 2026, 14:03 UTC+3`, the time on the reader's clock."""
        local = moment.astimezone(self.zone)
        minute = local.replace(second=0, microsecond=0, tzinfo=None)
        return f"{_on_the_clock(self.language, minute)} {utc_offset(local)}"


def load_words(language: Language, time_zone: str, *folders: Path) -> Words:
    """The sentences of the folders together, with times for a reader in `time_zone`."""
    return Words(language, _sentences(language, folders), _zone(time_zone))


@cache
def _sentences(language: Language, folders: tuple[Path, ...]) -> dict[str, Sentence]:
    sentences: dict[str, Sentence] = {}
    for folder in folders:
        sentences |= tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))
    return sentences


@cache
def _locale(language: Language) -> Locale:
    return Locale.parse(language)


@lru_cache(1024)
def _number(language: Language, count: int) -> str:
    return str(format_decimal(count, locale=_locale(language)))


@lru_cache(1024)
def _plural_form(language: Language, count: int) -> str:
    return _locale(language).plural_form(count)


@lru_cache(1024)
def _on_the_clock(language: Language, minute: datetime) -> str:
    return format_datetime(minute, PATTERN, locale=_locale(language))


@lru_cache(1024)
def _zone(name: str) -> tzinfo:
    """UTC for `auto`, and for a zone that this machine does not know."""
    if name == "auto":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return UTC
