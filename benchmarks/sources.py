"""Python files that people could have written: the same of the standard library in every run."""

import hashlib
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LARGEST = 128 * 1024  # bytes; what is longer are tables that a program has written
_LEFT_OUT = {"site-packages", "test", "tests", "lib2to3"}


@dataclass(frozen=True)
class Source:
    """A name that is unlike all others of a run, and bytes."""

    name: str
    content: bytes


def sources(count: int, first: int = 0) -> list[Source]:
    """`count` files; beyond some 700 they come again, changed. 500 of Python 3.11 have 7.6 MB."""
    paths = _paths()
    found = []
    for number in range(first, first + count):
        path, again = paths[number % len(paths)], number // len(paths)
        content = path.read_bytes() + (b"\n# copy %d\n" % again if again else b"")
        found.append(Source(f"f{number:05}_{path.stem.strip('_')}.py", content))
    return found


@cache
def _paths() -> list[Path]:
    """No two alike, in an order that has nothing to do with what is in them."""
    library = Path(sysconfig.get_path("stdlib"))
    paths = {
        path.read_bytes(): path
        for path in sorted(library.rglob("*.py"))
        if not _LEFT_OUT & set(path.relative_to(library).parts)
        and 0 < path.stat().st_size <= LARGEST
    }
    return sorted(paths.values(), key=lambda path: _shuffled(path.relative_to(library)))


def _shuffled(path: Path) -> str:
    return hashlib.sha256(path.as_posix().encode()).hexdigest()
