"""Finds the files that break a run of ruff, so that all others get their results."""

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf

from services.checker.linting.diagnostics import FileDiagnostics
from services.checker.linting.sources import Source
from shared.contracts.checker import FailureReason

MAX_HINTS = 3  # suspects of broken runs that are followed in a row; then the files are halved


@dataclass(frozen=True)
class RuffFailure:
    """This file, alone, could not be checked; the run that showed it took `seconds`.

    `cut_short`: it ran out of time by the clock before it had used up its processor time, as other
    processes used the processor.
    """

    reason: FailureReason
    seconds: float = field(default=0.0, compare=False)
    cut_short: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class BrokenRun:
    """A run without a usable output; `suspect` is the file it was busy with, where known.

    `in_check`: it had checked the files before the suspect, though it printed nothing about them.
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


RunOutput = dict[str, FileDiagnostics | RuffFailure]  # by the name of the file
Run = Callable[[Sequence[Source]], Awaitable[RunOutput | BrokenRun]]


async def isolate_failures(
    sources: Sequence[Source], run: Run, seconds: float = inf
) -> AsyncIterator[RunOutput]:
    """Run all files; when that breaks, run the others without the suspect, else both halves.

    Yields output as soon as it is known; suspects are run again, alone, after all others. A file
    fails only if it broke a run of its own. Suspects that turn out wrong are not followed for long:
    that would cost a run for every file.

    After `seconds`, once there is output about some file, only files that are known to be quick are
    run. Files that a run or the time leaves out have no output.
    """
    todo, end, answered = deque([_Batch(sources)] if sources else []), time.monotonic() + seconds, 0
    while todo:
        batch = todo.popleft()
        if answered and time.monotonic() > end and not batch.quick:
            continue
        output = await run(batch.sources)
        if isinstance(output, BrokenRun):
            output, others, suspects = _split(batch, output)
            todo.extendleft(reversed(others))
            todo.extend(suspects)
        if output:
            answered += len(output)
            yield output


@dataclass(frozen=True)
class _Batch:
    """Files to run together, and how many suspects of broken runs may still be followed."""

    sources: Sequence[Source]
    hints: int = MAX_HINTS
    quick: bool = False


def _split(batch: _Batch, broken: BrokenRun) -> tuple[RunOutput, list[_Batch], list[_Batch]]:
    """The failures a broken run proves, the batches to run next, and those to run at last."""
    sources = batch.sources
    if len(sources) == 1:
        return {sources[0].name: broken.failure}, [], []
    suspect = next((one for one in sources if batch.hints and one.name == broken.suspect), None)
    if suspect is None:
        middle = len(sources) // 2
        return {}, [_Batch(sources[:middle], hints=0), _Batch(sources[middle:], hints=0)], []
    others = _without_suspect(suspect, batch, broken)
    if broken.proven:
        return {suspect.name: broken.failure}, others, []
    return {}, others, [_Batch([suspect])]


def _without_suspect(suspect: Source, batch: _Batch, broken: BrokenRun) -> list[_Batch]:
    """Files before one that was being checked took less than their time, and come first."""
    at, hints = batch.sources.index(suspect), batch.hints - (not broken.proven)
    before, after = batch.sources[:at], batch.sources[at + 1 :]
    if broken.in_check:
        batches = [_Batch(before, hints, quick=not batch.quick), _Batch(after, hints)]
    else:
        batches = [_Batch([*before, *after], hints)]
    return [one for one in batches if one.sources]
