"""A file's text as a form shows it, and back to bytes the way the file was written."""

import codecs
import re
from itertools import takewhile

from services.gateway.errors import TextNotEncodable
from shared import source_text

_END = re.compile("\r\n|\r|\n")
ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}


def shown(content: bytes) -> str | None:
    """The text with LF at line ends; None where saving it untouched would change other bytes."""
    try:
        text = source_text.with_lf(source_text.decode(content))
        return text if written(text, content) == content else None
    except (ValueError, TextNotEncodable):
        return None


def written(text: str, like: bytes) -> bytes:
    """`text` in the encoding it declares, with the byte order mark and the line ends of `like`.

    Lines at both ends that did not change keep the end each of them has; the others get the one
    most common in the file.
    """
    return _encoded(_with_ends(source_text.with_lf(text), like), like.startswith(codecs.BOM_UTF8))


def sample(content: bytes) -> str:
    """A word for how the lines of `content` end, to be kept in a form; see `like_sample`."""
    counts = _counts(source_text.decode_or_replace(content))
    return max(counts, key=counts.__getitem__)


def like_sample(word: str, *, mark: bool) -> bytes:
    """Bytes whose line ends and byte order mark `written` can follow."""
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
    """How many lines end in which way, by its word."""
    both = text.count("\r\n")
    return {"lf": text.count("\n") - both, "crlf": both, "cr": text.count("\r") - both}


def _ends(text: str) -> list[str]:
    """The end of each line. One by one, as a single call would keep all other threads waiting."""
    counts = _counts(text)
    for word, count in counts.items():
        if count == sum(counts.values()):
            return [ENDS[word]] * count
    return [found[0] for found in _END.finditer(text)]


def _encoded(text: str, marked: bool) -> bytes:
    """What can't be read again is written as UTF-8 all the same: files tells what is wrong."""
    plain = text.encode()
    if marked:
        return codecs.BOM_UTF8 + plain
    try:
        return text.encode(source_text.encoding_of(plain))
    except UnicodeEncodeError:
        raise TextNotEncodable from None
    except ValueError:
        return plain
