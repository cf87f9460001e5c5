"""How hard a password is to guess, measured by zxcvbn, whose advice becomes code words."""

import re
from collections.abc import Mapping
from functools import partial
from math import prod
from operator import itemgetter
from typing import Any

from zxcvbn import zxcvbn  # type: ignore[import-untyped]
from zxcvbn.matching import (  # type: ignore[import-untyped]
    L33T_TABLE,
    RANKED_DICTIONARIES,
    REGEXEN,
    relevant_l33t_subtable,
)

from services.auth.adapters.fair_pool import FairPool
from services.auth.adapters.russian_words import in_latin, ranked_names, ranked_words
from shared.errors import Invalid

MIN_SCORE = 2  # of 0 … 4: withstands guessing at ten tries a second
MAX_LENGTH = 72  # characters, as zxcvbn takes them
MAX_TRANSLITERATED = 48  # characters of a password whose Russian letters became Latin ones
# Signs that may stand for several letters multiply the work: 72 characters full of them take 7 s,
# 16 a twentieth of a second. Of a password with so many only the beginning is judged.
MAX_READINGS = 32
PREFIX = 16
# Russian words typed on Latin keys are in the lists of zxcvbn.
LATIN_KEYS = str.maketrans(
    "ёйцукенгшщзхъфывапролджэячсмитьбюЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ",
    "`qwertyuiop[]asdfghjkl;'zxcvbnm,.~QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>",
)

WARNINGS: Mapping[str, str] = {
    "This is a top-10 common password.": "top_ten",
    "This is a top-100 common password.": "top_hundred",
    "This is a very common password.": "common",
    "This is similar to a commonly used password.": "similar_to_common",
    "A word by itself is easy to guess.": "single_word",
    "Names and surnames by themselves are easy to guess.": "single_name",
    "Common names and surnames are easy to guess.": "names",
    "Straight rows of keys are easy to guess.": "straight_row",
    "Short keyboard patterns are easy to guess.": "keyboard_pattern",
    'Repeats like "aaa" are easy to guess.': "repeated_character",
    'Repeats like "abcabcabc" are only slightly harder to guess than "abc".': "repeated_pattern",
    'Sequences like "abc" or "6543" are easy to guess.': "sequence",
    "Recent years are easy to guess.": "recent_year",
    "Dates are often easy to guess.": "date",
}
SUGGESTIONS: Mapping[str, str] = {
    "Use a few words, avoid common phrases.": "use_words",
    "No need for symbols, digits, or uppercase letters.": "symbols_not_needed",
    "Add another word or two. Uncommon words are better.": "add_words",
    "Use a longer keyboard pattern with more turns.": "longer_pattern",
    "Avoid repeated words and characters.": "avoid_repeats",
    "Avoid sequences.": "avoid_sequences",
    "Avoid recent years.": "avoid_recent_years",
    "Avoid years that are associated with you.": "avoid_own_years",
    "Avoid dates and years that are associated with you.": "avoid_own_dates",
    "Capitalization doesn't help very much.": "capitals",
    "All-uppercase is almost as easy to guess as all-lowercase.": "all_capitals",
    "Reversed words aren't much harder to guess.": "reversed",
    "Predictable substitutions like '@' instead of 'a' don't help very much.": "substitutions",
}


def _extend(dictionary: str, more: Mapping[str, int]) -> None:
    """Extend a list of zxcvbn; another list would be another lookup of every part of a password."""
    ranks = RANKED_DICTIONARIES[dictionary]
    ranks.update({word: min(rank, ranks.get(word, rank)) for word, rank in more.items()})


_extend("english_wikipedia", ranked_words())
_extend("female_names", ranked_names())
# The years that zxcvbn calls recent end in 2019.
REGEXEN["recent_year"] = re.compile(r"19\d\d|20[0-4]\d")


class PasswordTooWeak(Invalid):
    code = "password_too_weak"


class ZxcvbnMeter:
    """Judges one password at a time, off the event loop: zxcvbn writes to a global dictionary."""

    def __init__(self, pool: FairPool | None = None) -> None:
        self._pool = pool or FairPool("zxcvbn", 1)

    async def check(self, password: str, email: str, network: str) -> None:
        """Raises `PasswordTooWeak`, whose params are a warning and two suggestions, or empty.

        Networks share the thread fairly (`FairPool`); raises `PasswordHashingBusy`.
        """
        judge = partial(judge_password, password[:MAX_LENGTH], _words_of(email))
        advice = await self._pool.run(network, judge)
        if advice is not None:
            raise PasswordTooWeak(**advice)

    async def close(self) -> None:
        await self._pool.close()


def judge_password(password: str, own_words: list[str]) -> dict[str, str | int] | None:
    """The advice for a weak password, None for a strong one."""
    others = (password.translate(LATIN_KEYS), in_latin(password))
    variants = dict.fromkeys(
        [password, *(one[:MAX_TRANSLITERATED] for one in others if one != password)]
    )
    judged = min((_score(one, own_words) for one in variants), key=itemgetter("score"))
    return None if judged["score"] >= MIN_SCORE else _advice(judged["feedback"])


def _score(password: str, own_words: list[str]) -> Mapping[str, Any]:
    part = password if _readings(password) <= MAX_READINGS else password[:PREFIX]
    judged: Mapping[str, Any] = zxcvbn(part, own_words)
    return judged


def _readings(password: str) -> int:
    """How many words zxcvbn may have to try: “1” may be an i or an l, “7” an l or a t."""
    return prod(map(len, relevant_l33t_subtable(password, L33T_TABLE).values()))


def _advice(feedback: Mapping[str, Any]) -> dict[str, str | int]:
    found = [SUGGESTIONS.get(text, "") for text in feedback["suggestions"]]
    first, second, *_ = [*filter(None, found), "", ""]
    warning = WARNINGS.get(feedback["warning"] or "", "")
    return {"warning": warning, "suggestion1": first, "suggestion2": second}


def _words_of(email: str) -> list[str]:
    """Words that an attacker of this account tries first."""
    name, _, domain = email.partition("@")
    return ["prereview", email, name, domain, *name.split("."), *domain.split(".")]
