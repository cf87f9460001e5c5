"""Converts a file to the text of a form, and back to bytes in the file's encoding."""

import codecs
import re
from itertools import takewhile

from services.gateway.errors import TextNotEncodable
from shared import source_text

_END = re.compile("\r\n|\r|\n")
ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}


def shown(content: bytes) -> str | None:
    """The text with LF line ends; None if saving it unchanged would change the bytes."""
    try:
        text = source_text.with_lf(source_text.decode(content))
        return text if written(text, content) == content else None
    except (ValueError, TextNotEncodable):
        return None


def written(text: str, like: bytes) -> bytes:
    """Encode `text` as it declares, with the byte order mark and the line ends of `like`.

    Unchanged lines at the beginning and end keep their line ends; the others get the most common
    one.
    """
    return _encoded(_with_ends(source_text.with_lf(text), like), like.startswith(codecs.BOM_UTF8))


def sample(content: bytes) -> str:
    """The most common line end of `content`, as a key of `ENDS`; see `like_sample`."""
    counts = _counts(source_text.decode_or_replace(content))
    return max(counts, key=counts.__getitem__)


def like_sample(word: str, *, mark: bool) -> bytes:
    """Bytes with this line end and byte order mark, for `like` of `written`."""
    return (codecs.BOM_UTF8 if mark else b"") + ENDS.get(word, "\n").encode()


def _with_ends(text: str, like: bytes) -> str:
    old = source_text.decode_or_replace(like)
    old_lines, old_ends, common = (
        source_text.with_lf(old).split("\n"),
        _ends(old),
        ENDS[sample(like)],
    )
    new = text.split("\n")
    most = min(len(new), len(old_lines)) - 1
    first = _equal(new[:most], old_lines[:most])
    last = _equal(new[::-1][: most - first], old_lines[::-1][: most - first])
    kept_last = old_ends[len(old_ends) - last :]
    changed = [common] * (len(new) - 1 - first - last)
    ends = [*old_ends[:first], *changed, *kept_last, ""]
    return "".join(line + end for line, end in zip(new, ends, strict=True))


def _equal(some: list[str], others: list[str]) -> int:
    pairs = zip(some, others, strict=True)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _counts(text: str) -> dict[str, int]:
    """The number of each kind of line end."""
    both = text.count("\r\n")
    return {"lf": text.count("\n") - both, "crlf": both, "cr": text.count("\r") - both}


def _ends(text: str) -> list[str]:
    """The end of each line. Not `findall`, which would hold the GIL throughout."""
    counts = _counts(text)
    for word, count in counts.items():
        if count == sum(counts.values()):
            return [ENDS[word]] * count
    return [found[0] for found in _END.finditer(text)]


def _encoded(text: str, marked: bool) -> bytes:
    """An invalid declared encoding is ignored in favour of UTF-8: files reports the error."""
    plain = text.encode()
    if marked:
        return codecs.BOM_UTF8 + plain
    try:
        return text.encode(source_text.encoding_of(plain))
    except UnicodeEncodeError:
        raise TextNotEncodable from None
    except ValueError:
        return plain
