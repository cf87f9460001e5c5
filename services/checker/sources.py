"""Python source as text: its encoding and its lines."""

import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key")

# What ends a line for Python, for ruff and for an editor. `str.splitlines` also stops at form feed,
# U+0085, U+2028 and others, and would shift every line below.
_LINE_END = re.compile("\r\n|\r|\n")
_LINE_END_BYTES = re.compile(b"\r\n|\r|\n")
_ASCII = (rb"\x41\u0041", bytes(range(128)))  # the first is more than its bytes to some codecs
_DIRECTIVE = re.compile(r"ruff\s*:")


@dataclass(frozen=True, eq=False)
class Source:
    """A file under a name of ours. A name of digits can't be imported by a neighbour."""

    name: str
    text: str
    content: bytes  # UTF-8, what ruff reads; the encoding declaration stays as it was

    @property
    def lines(self) -> list[str]:
        text = self.text
        return _LINE_END.split(text) if "\r" in text else text.split("\n")  # ten times as fast

    @property
    def mentions_suppression(self) -> bool:
        text = self.text.lower()
        return "noqa" in text or _DIRECTIVE.search(text) is not None


def decode(content: bytes) -> str:
    """Read `content` as PEP 263 says; the characters stay as they are, line ends too.

    Raises ValueError when the bytes do not fit the declared encoding, or when that encoding is
    unknown or not a superset of ASCII (`rot13`, `utf-7`, `utf-16`).
    """
    first = _LINE_END_BYTES.split(content, maxsplit=2)[:2]  # lines may end in CR alone
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(b"\n".join(first)).readline)
        if any(sample.decode(encoding) != sample.decode("ascii") for sample in _ASCII):
            raise ValueError(encoding)
        return content.decode(encoding)
    except (SyntaxError, LookupError) as error:
        raise ValueError("The declared encoding can't be read") from error


def sources(contents: Mapping[Key, bytes]) -> dict[Key, Source | None]:
    """None stands for bytes that are no text."""
    numbered = enumerate(contents.items(), 1)
    return {key: _source(number, content) for number, (key, content) in numbered}


def _source(number: int, content: bytes) -> Source | None:
    try:
        text = decode(content)
    except ValueError:
        return None
    return Source(f"{number:04}.py", text, text.encode())
