"""What counts as the text of a Python file."""

import codecs
import io
import tokenize

from shared.errors import Invalid

_UTF16_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_ASCII = bytes(range(128))
# Python takes these for encodings, but they write text with escapes: what is read is not there.
_ESCAPES = frozenset({"unicode-escape", "raw-unicode-escape", "idna", "punycode"})


class NotText(Invalid):
    """This is not a text file."""

    code = "not_text"


class EncodingUnknown(Invalid):
    """The file can't be read in the encoding it declares. Save it as UTF-8 and upload it again."""

    code = "encoding_unknown"


def check_text(content: bytes) -> None:
    """Let pass what Python itself could read as source.

    Raises:
        NotText: it holds NUL bytes or is UTF-16 or UTF-32.
        EncodingUnknown: its declared encoding (PEP 263) is unknown or does not fit its bytes.
    """
    if content.startswith(_UTF16_32) or b"\0" in content:
        raise NotText
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        if codecs.lookup(encoding).name in _ESCAPES:
            raise EncodingUnknown
        # Source must read as ASCII where it is ASCII: not so in utf-7, utf-16, rot13.
        if _ASCII.decode(encoding) != _ASCII.decode("ascii"):
            raise EncodingUnknown
        content.decode(encoding)
    except (SyntaxError, LookupError, UnicodeError):
        raise (NotText if _declares_nothing(content) else EncodingUnknown) from None


def _declares_nothing(content: bytes) -> bool:
    head = b"\n".join(content.splitlines()[:2])
    return b"coding" not in head
