"""What counts as the text of a Python file."""

import codecs

from shared.errors import Invalid
from shared.source_text import decode, head

_UTF16_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


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
        decode(content)
    except ValueError:
        raise (EncodingUnknown if b"coding" in head(content) else NotText) from None
