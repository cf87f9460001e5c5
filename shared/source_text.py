"""Python source as text: its encoding (PEP 263) and its lines, the same for every service."""

import io
import re
import tokenize

_LINE_END_BYTES = re.compile(b"\r\n|\r|\n")
# Source must read as ASCII where it is ASCII: not so in utf-7, utf-16, rot13. The first samples are
# more than their bytes to codecs that write text with escapes: unicode_escape, idna.
_ASCII = (rb"\x41\u0041", b"xn--9ca", bytes(range(128)))


def head(content: bytes) -> bytes:
    """The first two lines, where an encoding may be declared; lines may end in CR alone."""
    return b"\n".join(_LINE_END_BYTES.split(content, maxsplit=2)[:2])


def encoding_of(content: bytes) -> str:
    """The encoding that a byte order mark or the first two lines declare; else UTF-8.

    Raises ValueError where it is unknown or not a superset of ASCII (`rot13`, `utf-7`, `utf-16`).
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(head(content)).readline)
        if any(sample.decode(encoding) != sample.decode("ascii") for sample in _ASCII):
            raise ValueError(encoding)
    except (SyntaxError, LookupError) as error:
        raise ValueError("The declared encoding can't be read") from error
    return encoding


def decode(content: bytes) -> str:
    """Read `content` as its encoding says; the characters stay as they are, line ends too.

    Raises ValueError like `encoding_of`, and when the bytes do not fit the encoding.
    """
    return content.decode(encoding_of(content))


def decode_or_replace(content: bytes) -> str:
    """Like `decode`; what can't be read as declared is read as UTF-8, as well as that goes."""
    try:
        return decode(content)
    except ValueError:
        return content.decode("utf-8", "replace")


def with_lf(text: str) -> str:
    """The text with LF at line ends. They are, as in an editor, LF, CR LF and CR, and no others."""
    return text.replace("\r\n", "\n").replace("\r", "\n")  # a million of them in 2 ms


def shown(content: bytes) -> str:
    """What an editor shows of `content`, as well as it can be read; lines end in LF."""
    return with_lf(decode_or_replace(content))
