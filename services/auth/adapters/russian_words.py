# ruff: noqa: RUF001 - Cyrillic letters are meant
"""Russian words in Latin letters, ranked by how common they are, as zxcvbn can look them up.

People type them in either script. A password in Cyrillic is judged by its transliteration, so that
one list serves both, and signs for letters are read as in any other word: `m0skva`.
"""

import gzip
from collections.abc import Iterator
from importlib.metadata import distribution
from itertools import islice
from pathlib import Path

import msgpack

# Word forms, the most common first: with fewer, pet names (танюша) would be missing.
WORDS = 150_000
TRANSLITERATED_ALL_WAYS = 30_000  # of them; the others only in the common way
# A Russian word has about as many forms in the list, and an attacker tries the word once.
FORMS = 3  # pymorphy3 finds 45,742 words in 144,852 forms
_SHORTEST = 3  # letters: any two are found as quickly without a list
# Names that passwords have, with a year behind them, far more often than the texts of the list.
_NAMES = Path(__file__).with_name("names.txt").read_text("utf-8").split()

_LETTERS = dict(zip("абвгдеёзиклмнопрстуфыэ", "abvgdeeziklmnoprstufye", strict=True))
_COMMON = {**_LETTERS, "ж": "zh", "й": "y", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh"}
_COMMON |= {"щ": "sch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"}
# How else the same words are written: as in passports (ICAO 9303), and as on phones of old.
_PASSPORT = _COMMON | {"й": "i", "х": "kh", "щ": "shch", "ъ": "ie", "ю": "iu", "я": "ia"}
_SHORT = _COMMON | {"ж": "j", "й": "j", "х": "x", "ц": "c", "щ": "sh", "ю": "u", "я": "ja"}
_TO_LATIN = str.maketrans(_COMMON | {big.upper(): out.capitalize() for big, out in _COMMON.items()})
_OTHERS = [str.maketrans(letters) for letters in (_PASSPORT, _SHORT)]


def in_latin(text: str) -> str:
    """The text with its Russian letters in Latin ones, words in capitals too."""
    return (
        text.lower().translate(_TO_LATIN).upper() if text.isupper() else text.translate(_TO_LATIN)
    )


def ranked_words() -> dict[str, int]:
    """Each word with its rank, 1 for the commonest."""
    ranks: dict[str, int] = {}
    for index, word in enumerate(islice(_words(), WORDS)):
        if len(word) >= _SHORTEST and not word.isascii():
            others = _OTHERS if index < TRANSLITERATED_ALL_WAYS else ()
            for letters in (_TO_LATIN, *others):
                ranks.setdefault(word.translate(letters), 1 + index // FORMS)
    return ranks


def ranked_names() -> dict[str, int]:
    """Pet names and some others, all of the same rank."""
    return {
        name.translate(letters): len(_NAMES) for name in _NAMES for letters in (_TO_LATIN, *_OTHERS)
    }


def _words() -> Iterator[str]:
    """The list of wordfreq, read no further than needed: all of it takes 100 MB and 2 s.

    A packed list of a header and then lists of words, each rarer than the one before by a hundredth
    of a decimal order (cBpack, see `wordfreq.read_cBpack`).
    """
    file = distribution("wordfreq").locate_file("wordfreq/data/large_ru.msgpack.gz")
    with gzip.open(str(file)) as packed:
        unpacker = msgpack.Unpacker(packed, raw=False)
        buckets = unpacker.read_array_header() - 1
        unpacker.skip()
        for _ in range(buckets):
            yield from unpacker.unpack()
