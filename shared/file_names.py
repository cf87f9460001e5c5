"""What every service has to know of file names; which are allowed is decided by files."""

import unicodedata

MAX_BYTES = 255  # of a name in UTF-8: Linux and macOS can't unpack a longer one (NAME_MAX)


def one_spelling(name: str) -> str:
    """Unicode NFC. Two names are the same when these are: an é is one character or two."""
    return unicodedata.normalize("NFC", name)
