"""Finds the files that break a run, so that all others get their results."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf

from services.checker.diagnostics import FileNotes
from services.checker.sources import Source
from shared.contracts.checker import FailureReason


@dataclass(frozen=True)
class RuffFailure:
    """This file, alone, could not be checked."""

    reason: FailureReason


@dataclass(frozen=True)
class Dead:
    """A run without a usable answer; `suspect` is the file it was busy with, where known.

    `proven`: the suspect has had as much time in this run as it would have alone.
    """

    reason: FailureReason
    suspect: str | None = None
    proven: bool = False


Notes = dict[str, FileNotes | RuffFailure]
Run = Callable[[Sequence[Source]], Awaitable[Notes | Dead]]


async def settle(sources: Sequence[Source], run: Run, seconds: float = inf) -> Notes:
    """Run all; when that dies, the suspect and the others apart, else both halves, and so on.

    Nothing fails that did not break a run of its own. A suspect that turns out innocent shows that
    the hints mislead, and the rest is halved: following them would cost a run for every file.

    After `seconds` no further run begins, once there is an answer about some file. What a run or
    the time leaves out has none.
    """
    notes: Notes = {}
    todo, end = [(sources, True)] if sources else [], time.monotonic() + seconds
    while todo and not (notes and time.monotonic() > end):
        batch, trusting = todo.pop()
        answer = await run(batch)
        if not isinstance(answer, Dead):
            notes |= answer
        elif len(batch) == 1:
            notes[batch[0].name] = RuffFailure(answer.reason)
        elif trusting and (accused := _named(answer.suspect, batch)):
            alone = await _alone(accused, answer, run)
            notes |= alone
            guilty = isinstance(alone.get(accused.name), RuffFailure)
            todo += [(part, guilty) for part in _around(accused, batch, answer) if part]
        else:
            middle = len(batch) // 2
            todo += [(batch[middle:], False), (batch[:middle], False)]
    return notes


async def _alone(accused: Source, death: Dead, run: Run) -> Notes:
    if death.proven:
        return {accused.name: RuffFailure(death.reason)}
    return await settle([accused], run)


def _around(accused: Source, batch: Sequence[Source], death: Dead) -> list[Sequence[Source]]:
    """The others. Those before a file that took all the time took none, and come first."""
    at = batch.index(accused)
    if death.proven:
        return [batch[at + 1 :], batch[:at]]
    return [[*batch[:at], *batch[at + 1 :]]]


def _named(name: str | None, batch: Sequence[Source]) -> Source | None:
    return next((source for source in batch if source.name == name), None)
