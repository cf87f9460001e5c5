"""Python source as ruff is to read it, and as findings are placed in it."""

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
