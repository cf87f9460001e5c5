"""The rules for contents: text that Python could read as source."""

import codecs
import re

from shared.errors import Invalid
from shared.source_text import decode, head

_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_UTF16_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


class NotText(Invalid):
    code = "not_text"


class NotUtf8(Invalid):
    code = "not_utf8"


class EncodingUnknown(Invalid):
    code = "encoding_unknown"


def check_text(content: bytes) -> None:
    """Accept what Python itself could read as source.

    Raises:
        NotText: it holds NUL bytes, or can't be read and holds other control characters.
        NotUtf8: it begins as UTF-16 or UTF-32 does, or is no UTF-8 and declares no encoding.
        EncodingUnknown: its declared encoding (PEP 263) is unknown or does not fit its bytes.
    """
    if content.startswith(_UTF16_32):
        raise NotUtf8
    if b"\0" in content:
        raise NotText
    try:
        decode(content)
    except ValueError:
        raise _reason(content) from None


def _reason(content: bytes) -> Invalid:
    """Text in any encoding has only those control characters that separate lines and words."""
    if _CONTROL.search(content):
        return NotText()
    return EncodingUnknown() if b"coding" in head(content) else NotUtf8()
