"""What all services share about file names; the service files decides which are allowed."""

import unicodedata

MAX_BYTES = 255  # of a name in UTF-8: Linux and macOS can't unpack a longer one (NAME_MAX)


def normalized(name: str) -> str:
    """The name in Unicode NFC: two spellings of an é, as one character or two, are one name."""
    return unicodedata.normalize("NFC", name)
