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

    After `seconds`, once there is an answer about some file, nothing is run any more but what is
    known to be quick. What a run or the time leaves out has no answer.
    """
    notes: Notes = {}
    todo, end = [_Part(sources)] if sources else [], time.monotonic() + seconds
    while todo:
        part = todo.pop()
        if notes and time.monotonic() > end and not part.quick:
            continue
        answer = await run(part.batch)
        if not isinstance(answer, Dead):
            notes |= answer
        elif len(part.batch) == 1:
            notes[part.batch[0].name] = RuffFailure(answer.reason)
        elif part.trusting and (accused := _named(answer.suspect, part.batch)):
            alone = await _alone(accused, answer, run)
            notes |= alone
            guilty = isinstance(alone.get(accused.name), RuffFailure)
            todo += _around(accused, part.batch, answer, trusting=guilty)
        else:
            middle = len(part.batch) // 2
            halves = part.batch[middle:], part.batch[:middle]
            todo += [_Part(half, trusting=False) for half in halves]
    return notes


@dataclass(frozen=True)
class _Part:
    """Files to run together. `trusting`: in what a dead run says of a suspect."""

    batch: Sequence[Source]
    trusting: bool = True
    quick: bool = False


async def _alone(accused: Source, death: Dead, run: Run) -> Notes:
    if death.proven:
        return {accused.name: RuffFailure(death.reason)}
    return await settle([accused], run)


def _around(
    accused: Source, batch: Sequence[Source], death: Dead, *, trusting: bool
) -> list[_Part]:
    """The others. Those before a file that took all the time took none, and come first."""
    at = batch.index(accused)
    before, after = batch[:at], batch[at + 1 :]
    if death.proven:
        parts = [_Part(after, trusting), _Part(before, trusting, quick=True)]
    else:
        parts = [_Part([*before, *after], trusting)]
    return [part for part in parts if part.batch]


def _named(name: str | None, batch: Sequence[Source]) -> Source | None:
    return next((source for source in batch if source.name == name), None)
