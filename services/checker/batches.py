"""Finds the files that break a run, so that all others get their results."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

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


async def settle(sources: Sequence[Source], run: Run) -> Notes:
    """Run all; when that dies, the suspect and the others apart, else both halves, and so on.

    Nothing fails that did not break a run of its own. A suspect that turns out innocent shows that
    the hints mislead, and the rest is halved: following them would cost a run for every file.
    """
    notes: Notes = {}
    todo = [(sources, True)] if sources else []
    while todo:
        batch, trusting = todo.pop()
        answer = await run(batch)
        if not isinstance(answer, Dead):
            notes |= answer
        elif len(batch) == 1:
            notes[batch[0].name] = RuffFailure(answer.reason)
        elif trusting and (accused := _named(answer.suspect, batch)):
            alone = RuffFailure(answer.reason) if answer.proven else await _alone(accused, run)
            notes[accused.name] = alone
            guilty = isinstance(alone, RuffFailure)
            todo.append(([source for source in batch if source != accused], guilty))
        else:
            middle = len(batch) // 2
            todo += [(batch[:middle], False), (batch[middle:], False)]
    return notes


async def _alone(source: Source, run: Run) -> FileNotes | RuffFailure:
    return (await settle([source], run))[source.name]


def _named(name: str | None, batch: Sequence[Source]) -> Source | None:
    return next((source for source in batch if source.name == name), None)
