"""The rules for file names."""

import unicodedata

from shared.errors import Invalid
from shared.file_names import MAX_BYTES, normalized
from shared.join_controls import without_join_controls

MAX_NAME = 100  # characters
_FORBIDDEN = frozenset('/\\:*?"<>|=')
# Controls, formats (zero width, right to left), surrogates, line and paragraph separators.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FORBIDDEN_STARTS = (".", "-", " ")


class NotPython(Invalid):
    code = "not_python"


class FileNameInvalid(Invalid):
    code = "file_name_invalid"


def check_name(raw: str) -> str:
    """Return the name in its normal form.

    Raises:
        NotPython: it does not end in exactly `.py`.
        FileNameInvalid: anything else is wrong with it.
    """
    name = normalized(raw)
    if not name.endswith(".py") or name.lower().endswith(".py.py"):
        raise NotPython
    stem = name.removesuffix(".py")
    if (
        not stem
        or len(name) > MAX_NAME
        or name.startswith(_FORBIDDEN_STARTS)
        or stem.endswith(" ")
        or any(_is_forbidden(character) for character in without_join_controls(name))
        or len(name.encode()) > MAX_BYTES  # last, for what UTF-8 can't hold is refused by now
    ):
        raise FileNameInvalid(maximum=MAX_NAME, bytes=MAX_BYTES)
    return name


def _is_forbidden(character: str) -> bool:
    return character in _FORBIDDEN or unicodedata.category(character) in _FORBIDDEN_CATEGORIES
