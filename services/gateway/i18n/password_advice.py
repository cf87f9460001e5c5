"""Advice on weak passwords, by the codes that auth sends."""

from shared.errors import DomainError
from shared.i18n.catalogue import N_

_GIVEN = ("warning", "suggestion1", "suggestion2")

ADVICE = {
    # warnings
    "straight_row": N_("Straight rows of keys are easy to guess."),
    "keyboard_pattern": N_("Short patterns on the keyboard are easy to guess."),
    "repeated_character": N_("Repeats such as “aaa” are easy to guess."),
    "repeated_pattern": N_("Repeats such as “abcabcabc” are hardly harder to guess than “abc”."),
    "sequence": N_("Sequences such as “abc” or “6543” are easy to guess."),
    "recent_year": N_("Recent years are easy to guess."),
    "date": N_("Dates are often easy to guess."),
    "top_ten": N_("This is one of the ten commonest passwords."),
    "top_hundred": N_("This is one of the hundred commonest passwords."),
    "common": N_("This is a very common password."),
    "similar_to_common": N_("This resembles a common password."),
    "single_word": N_("A word by itself is easy to guess."),
    "single_name": N_("A name by itself is easy to guess."),
    "names": N_("Common names are easy to guess."),
    # suggestions
    "use_words": N_("Use a few words, but no common phrase."),
    "symbols_not_needed": N_("It needs no symbols, digits or capital letters."),
    "add_words": N_("Add another word or two, uncommon ones."),
    "longer_pattern": N_("Use a longer pattern with more turns."),
    "avoid_repeats": N_("Avoid repeated words and characters."),
    "avoid_sequences": N_("Avoid sequences."),
    "avoid_recent_years": N_("Avoid recent years."),
    "avoid_own_years": N_("Avoid years that have to do with you."),
    "avoid_own_dates": N_("Avoid dates and years that have to do with you."),
    "capitals": N_("A capital letter at the start helps little."),
    "all_capitals": N_("Capital letters throughout are guessed as easily as small ones."),
    "reversed": N_("Words written backwards are hardly harder to guess."),
    "substitutions": N_("Expected replacements such as “@” for “a” help little."),
}


def advice(error: DomainError) -> list[str]:
    """English sentences, the warning first; unknown codes are left out."""
    codes = (str(error.params.get(name, "")) for name in _GIVEN)
    return [ADVICE[code] for code in codes if code in ADVICE]
