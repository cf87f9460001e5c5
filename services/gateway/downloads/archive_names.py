"""Names of archive entries that every file system can unpack without collisions."""

import unicodedata

from shared.file_names import MAX_BYTES
from shared.join_controls import ZWJ, ZWNJ

_IGNORED = str.maketrans("", "", ZWJ + ZWNJ)  # by HFS+, and by ext4 with folded case


def fitting(name: str, around: int = 0) -> str:
    """The name, shortened to leave `around` bytes for a prefix or suffix.

    Names longer than the limit, which older releases accepted, lose the end of their stem.
    """
    room = MAX_BYTES - around
    if len(name.encode()) <= room:
        return name
    stem, _, ending = name.rpartition(".")
    kept = stem.encode()[: room - len(f".{ending}".encode())].decode(errors="ignore")
    return f"{kept.rstrip(ZWJ + ZWNJ)}.{ending}"


def comparable(name: str) -> str:
    """Equal for names that some file system treats as the same (case, spelling, joiners)."""
    folded = unicodedata.normalize("NFD", name).casefold().translate(_IGNORED)
    return unicodedata.normalize("NFD", folded)
