"""Join controls, ZWNJ and ZWJ: invisible, and needed in Persian, Hindi and others (PEP 672)."""

import unicodedata

import idna

ZWNJ, ZWJ = "\u200c", "\u200d"
_VIRAMA = 9  # the canonical combining class of signs that join consonants
_REACH = 8  # characters: a letter has a few marks, a text may have a million
# Where a ZWJ before the virama is ra with ya-phala, ra that is no repha, or letters that touch:
# The Unicode Standard, sections 12.2, 12.7, 12.8 and 13.2.
_BEFORE_VIRAMA = frozenset({"BENGALI", "TELUGU", "KANNADA", "SINHALA"})


def without_join_controls(text: str) -> str:
    """The text without the joiners that are in place, for rules that allow none."""
    return "".join(sign for at, sign in enumerate(text) if not is_join_control_in_place(text, at))


def is_join_control_in_place(text: str, at: int) -> bool:
    """Whether a joiner stands there between letters of one script and changes how they look.

    These are the contexts of UAX 31, section 2.3: a ZWNJ parts letters that would join (A1), and
    either one may follow a virama (A2, B). In four scripts a ZWJ may come before the virama too.
    """
    if text[at] not in {ZWNJ, ZWJ}:
        return False
    before, after = text[max(0, at - _REACH) : at], text[at + 1 : at + 3]
    if text[at] == ZWJ and _is_virama(after[:1]):
        return _script(before[-1:] + after) in _BEFORE_VIRAMA and _is_letter(before[-1:], after[1:])
    letter = before.rstrip("".join(filter(_is_mark, before)))[-1:]
    if not _is_letter(letter, after[:1]) or not _script(letter + after[:1]):
        return False
    if _is_virama(before[-1]):
        return bool(_script(letter + before[-1]))
    # RFC 5892, appendix A.1, is context A1; Python's own data lack how letters join.
    return idna.valid_contextj(before + text[at] + after[:1], len(before))


def _is_letter(*signs: str) -> bool:
    return all(sign and unicodedata.category(sign).startswith("L") for sign in signs)


def _is_mark(sign: str) -> bool:
    return unicodedata.category(sign).startswith("M")


def _is_virama(sign: str) -> bool:
    return bool(sign) and unicodedata.combining(sign) == _VIRAMA


def _script(signs: str) -> str:
    """The script of all the signs, empty where they have none in common.

    Names of characters begin with it: `BENGALI LETTER KA`, `BENGALI SIGN VIRAMA`.
    """
    first, *others = {unicodedata.name(sign, "").partition(" ")[0] for sign in signs}
    return "" if others else first
