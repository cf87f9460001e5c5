"""Python source as it is given to ruff, and split into lines as ruff counts them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from shared.source_text import decode

Key = TypeVar("Key")

# What ends a line for Python, for ruff and for an editor. `str.splitlines` also stops at form feed,
# U+0085, U+2028 and others, and would shift every line below.
_LINE_END = re.compile("\r\n|\r|\n")
_DIRECTIVE = re.compile(r"ruff\s*:")


@dataclass(frozen=True, eq=False)
class Source:
    """A file under a name we give it: one of digits can't be imported by another file."""

    name: str
    text: str
    content: bytes  # in UTF-8, for ruff; the encoding declaration stays as it was

    @property
    def lines(self) -> list[str]:
        text = self.text
        return _LINE_END.split(text) if "\r" in text else text.split("\n")  # ten times as fast

    @property
    def mentions_suppression(self) -> bool:
        text = self.text.lower()
        return "noqa" in text or _DIRECTIVE.search(text) is not None


def decode_sources(contents: Mapping[Key, bytes]) -> dict[Key, Source | None]:
    """Sources by the key of their contents; None for bytes that are no text."""
    numbered = enumerate(contents.items(), 1)
    return {key: _source(number, content) for number, (key, content) in numbered}


def _source(number: int, content: bytes) -> Source | None:
    try:
        text = decode(content)
    except ValueError:
        return None
    return Source(f"{number:04}.py", text, text.encode())
