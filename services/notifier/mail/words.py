"""The sentences of one kind of mail in one language, read from `<language>.toml` in its folder."""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from babel import Locale
from babel.dates import UTC, format_datetime

from shared.contracts.auth import Language

Sentence = str | dict[str, str]  # one form, or a form per plural category of the language


@dataclass(frozen=True)
class Words:
    """Say a sentence by its key. Values only ever fill places, they are never read as a pattern."""

    language: Language
    sentences: dict[str, Sentence]

    def __call__(self, key: str, **values: str | int) -> str:
        sentence = self.sentences[key]
        if isinstance(sentence, dict):
            form = Locale.parse(self.language).plural_form(int(values["n"]))
            sentence = sentence[form]
        return sentence.format(**values)

    def time(self, moment: datetime) -> str:
        """Write `12 Nov 2026, 14:03 UTC`."""
        pattern = "d MMM y, HH:mm"
        return f"{format_datetime(moment, pattern, tzinfo=UTC, locale=self.language)} UTC"


@cache
def load_words(folder: Path, language: Language) -> Words:
    return Words(language, tomllib.loads((folder / f"{language}.toml").read_text("utf-8")))
