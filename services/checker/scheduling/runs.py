"""Whose files others need not wait for, and which files are run together."""

import time
from collections.abc import Callable, Sequence
from math import ceil
from uuid import UUID

from services.checker.claims.due_files import DueFile

# Seconds of ruff's that one file may take before they count as its person's: a megabyte of ordinary
# source takes a fifth of that.
FREE = 0.5
ALLOWANCE = 3.0  # seconds; who has spent more is heavy
HALF_LIFE = 300.0  # seconds, in which half of what was spent is forgotten
# Of one run of ruff. Its time-out grows with the bytes.
RUN_FILES, RUN_BYTES = 125, 2 << 20
FEW = 25  # files that are not worth two runs


class Spending:
    """The time that people's slow and broken files have taken lately, in one copy."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock in seconds."""
        self._clock, self._spent = clock, dict[UUID, tuple[float, float]]()

    def add(self, person: UUID, seconds: float) -> None:
        now = self._clock()
        self._spent[person] = (self._left(person, now) + seconds, now)

    def people(self) -> list[UUID]:
        """Those who have spent time lately, the least first."""
        now = self._clock()
        left = {person: self._left(person, now) for person in self._spent}
        self._spent = {person: self._spent[person] for person in left if left[person] > FREE / 10}
        return sorted(self._spent, key=lambda person: left[person])

    def heavy(self) -> list[UUID]:
        now = self._clock()
        return [person for person in self.people() if self._left(person, now) > ALLOWANCE]

    def _left(self, person: UUID, now: float) -> float:
        seconds, since = self._spent.get(person, (0.0, now))
        return float(seconds * 0.5 ** ((now - since) / HALF_LIFE))


def runs(files: Sequence[DueFile], cores: int) -> list[list[DueFile]]:
    """Files to run together, in their order.

    Two runs for each core, so that contents are fetched and results recorded meanwhile. The first
    of each core is small, and each next one twice as large: the first results come soon, and those
    who wait for them, such as who sends the mails, have enough to do until the next ones come.
    """
    usual = min(RUN_FILES, max(FEW, ceil(len(files) / (2 * cores))))
    found: list[list[DueFile]] = []
    size = 0
    for file in files:
        most = min(usual, FEW << max(0, len(found) - 1) // cores)
        if not found or len(found[-1]) == most or size + file.size > RUN_BYTES:
            found.append([])
            size = 0
        found[-1].append(file)
        size += file.size
    return found
