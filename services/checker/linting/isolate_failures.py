"""Finds the files that break a run, so that all others get their results."""

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf

from services.checker.linting.diagnostics import FileNotes
from services.checker.linting.sources import Source
from shared.contracts.checker import FailureReason

HINTS = 3  # that are followed in a row before it is plain that they mislead


@dataclass(frozen=True)
class RuffFailure:
    """This file, alone, could not be checked; the run that showed it took `seconds`.

    `cut_short`: by the clock, before it had its time of the processor, as others used that.
    """

    reason: FailureReason
    seconds: float = field(default=0.0, compare=False)
    cut_short: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Dead:
    """A run without a usable answer; `suspect` is the file it was busy with, where known.

    `in_check`: it was done with the files before the suspect, though it said nothing of them.
    `proven`: the suspect has had as much time in this run as it would have alone.
    """

    reason: FailureReason
    suspect: str | None = None
    in_check: bool = False
    proven: bool = False
    seconds: float = 0.0
    cut_short: bool = False

    @property
    def failure(self) -> RuffFailure:
        return RuffFailure(self.reason, self.seconds, self.cut_short)


Notes = dict[str, FileNotes | RuffFailure]
Run = Callable[[Sequence[Source]], Awaitable[Notes | Dead]]


async def settle(sources: Sequence[Source], run: Run, seconds: float = inf) -> AsyncIterator[Notes]:
    """Run all; when that dies, the others without the suspect, else both halves, and so on.

    Tells what is known as soon as it is; suspects are tried again, alone, after all others. Nothing
    fails that did not break a run of its own. Hints that mislead are not followed for long: that
    would cost a run for every file.

    After `seconds`, once there is an answer about some file, nothing is run any more but what is
    known to be quick. What a run or the time leaves out has no answer.
    """
    todo, end, answered = deque([_Part(sources)] if sources else []), time.monotonic() + seconds, 0
    while todo:
        part = todo.popleft()
        if answered and time.monotonic() > end and not part.quick:
            continue
        answer = await run(part.batch)
        if isinstance(answer, Dead):
            answer, others, suspects = _apart(part, answer)
            todo.extendleft(reversed(others))
            todo.extend(suspects)
        if answer:
            answered += len(answer)
            yield answer


@dataclass(frozen=True)
class _Part:
    """Files to run together, and how many hints of a dead run about them may still be followed."""

    batch: Sequence[Source]
    hints: int = HINTS
    quick: bool = False


def _apart(part: _Part, death: Dead) -> tuple[Notes, list[_Part], list[_Part]]:
    """What a death proves, the parts to run next, and those to run at last."""
    batch = part.batch
    if len(batch) == 1:
        return {batch[0].name: death.failure}, [], []
    accused = next((one for one in batch if part.hints and one.name == death.suspect), None)
    if accused is None:
        middle = len(batch) // 2
        return {}, [_Part(batch[:middle], hints=0), _Part(batch[middle:], hints=0)], []
    others = _others(accused, part, death)
    if death.proven:
        return {accused.name: death.failure}, others, []
    return {}, others, [_Part([accused])]


def _others(accused: Source, part: _Part, death: Dead) -> list[_Part]:
    """Those before a file that was being checked have taken less than the time, and come first."""
    at, hints = part.batch.index(accused), part.hints - (not death.proven)
    before, after = part.batch[:at], part.batch[at + 1 :]
    if death.in_check:
        parts = [_Part(before, hints, quick=not part.quick), _Part(after, hints)]
    else:
        parts = [_Part([*before, *after], hints)]
    return [one for one in parts if one.batch]
