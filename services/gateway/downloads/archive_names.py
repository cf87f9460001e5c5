"""Names inside an archive that can be unpacked everywhere, each beside the others."""

import unicodedata

from shared.file_names import MAX_BYTES
from shared.join_controls import ZWJ, ZWNJ

_IGNORED = str.maketrans("", "", ZWJ + ZWNJ)  # by HFS+, and by ext4 with folded case


def fitting(name: str, around: int = 0) -> str:
    """A file's name with `around` bytes left for what comes before or behind it.

    Names of before the limit in bytes lose the end of what stands before `.py`.
    """
    room = MAX_BYTES - around
    if len(name.encode()) <= room:
        return name
    stem, _, ending = name.rpartition(".")
    kept = stem.encode()[: room - len(f".{ending}".encode())].decode(errors="ignore")
    return f"{kept.rstrip(ZWJ + ZWNJ)}.{ending}"


def comparable(name: str) -> str:
    """Equal for names that are one on file systems which ignore case, spelling and joiners."""
    folded = unicodedata.normalize("NFD", name).casefold().translate(_IGNORED)
    return unicodedata.normalize("NFD", folded)
