"""A fault: what is done to a running product, and how it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.running import Running

Do = Callable[[Running], Awaitable[None]]
"""Begins the fault, lasts as long as it does, and has ended it when it returns."""


@dataclass(frozen=True)
class Fault:
    """`name` is what `ONLY=` chooses; `sentence` stands in the table."""

    name: str
    sentence: str
    do: Do
    newcomers: bool = True  # whether people register and leave meanwhile
    in_tests: bool = False  # part of `make test`


async def last(seconds: float) -> None:
    """A fault lasts."""
    await asyncio.sleep(seconds)


def is_root() -> bool:
    return Path("/proc/self").stat().st_uid == 0
