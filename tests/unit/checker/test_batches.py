"""Which runs it takes to find the files that break them."""

import asyncio
import time
from collections.abc import Sequence
from math import inf

from services.checker.linting.diagnostics import FileNotes
from services.checker.linting.isolate_failures import HINTS, Dead, Notes, RuffFailure, Run, settle
from services.checker.linting.sources import Source

FILES = [Source(f"{number:04}.py", "", b"") for number in range(8)]
NAMES = [source.name for source in FILES]
BAD, INNOCENT = NAMES[5], NAMES[0]


class Runs:
    """Runs that die when a bad file is among their files, and what they say of it."""

    def __init__(self, death: Dead) -> None:
        self._death, self.batches = death, list[list[str]]()

    async def __call__(self, batch: Sequence[Source]) -> Notes | Dead:
        names = [source.name for source in batch]
        self.batches.append(names)
        return self._death if BAD in names else {name: FileNotes() for name in names}


def _is_just(notes: Notes) -> bool:
    """Whether the bad file alone has failed, and every file has its answer."""
    failed = [name for name, note in notes.items() if isinstance(note, RuffFailure)]
    return failed == [BAD] and sorted(notes) == NAMES


async def _settled(runs: Run, seconds: float = inf) -> Notes:
    """All that is told, whenever that is."""
    notes: Notes = {}
    async for some in settle(FILES, runs, seconds):
        assert not notes.keys() & some.keys()
        notes |= some
    return notes


async def test_a_suspect_is_run_alone_after_the_others_have_their_answers() -> None:
    runs = Runs(Dead("crashed", BAD))
    assert _is_just(await _settled(runs))
    others = [name for name in NAMES if name != BAD]
    assert runs.batches == [NAMES, others, [BAD]]
    told = [list(notes) async for notes in settle(FILES, runs)]
    assert told == [others, [BAD]]


async def test_a_suspect_that_has_had_its_time_is_not_run_again() -> None:
    runs = Runs(Dead("timeout", BAD, in_check=True, proven=True))
    notes = await _settled(runs)
    assert _is_just(notes)
    assert notes[BAD] == RuffFailure("timeout")
    assert runs.batches == [NAMES, NAMES[:5], NAMES[6:]]  # those before it are known to be quick


async def test_files_before_one_that_was_being_checked_wait_for_nothing_else() -> None:
    runs = Runs(Dead("timeout", BAD, in_check=True))
    notes = await _settled(runs, seconds=0)
    assert list(notes) == NAMES[:5]
    runs.batches.clear()
    assert _is_just(await _settled(runs))
    assert runs.batches == [NAMES, NAMES[:5], NAMES[6:], [BAD]]


async def test_a_wrong_hint_costs_an_innocent_file_nothing() -> None:
    for death in (Dead("crashed", INNOCENT), Dead("crashed", "unheard-of.py"), Dead("crashed")):
        assert _is_just(await _settled(Runs(death)))


async def test_hints_that_mislead_are_not_followed_for_long() -> None:
    runs = 0

    async def mislead(batch: Sequence[Source]) -> Notes | Dead:
        nonlocal runs
        runs += 1
        names = [source.name for source in batch]
        others = [name for name in names if name != BAD]
        return (
            Dead("crashed", others[0] if others else None)
            if BAD in names
            else {n: FileNotes() for n in names}
        )

    assert _is_just(await _settled(mislead))
    assert runs <= 1 + HINTS + 2 * len(NAMES)


async def test_after_its_time_a_batch_ends_with_the_answers_it_has() -> None:
    """Each of four files takes all the time it is given; the one before them takes none."""
    slow, began = NAMES[1:5], time.monotonic()
    batches: list[list[str]] = []

    async def run(batch: Sequence[Source]) -> Notes | Dead:
        names = [source.name for source in batch]
        batches.append(names)
        suspect = next((name for name in names if name in slow), None)
        if suspect is None:
            return {name: FileNotes() for name in names}
        await asyncio.sleep(0.1)
        return Dead("timeout", suspect, in_check=True, proven=True)

    notes = await _settled(run, seconds=0.15)
    assert time.monotonic() - began < 0.4
    assert batches[:2] == [NAMES, NAMES[:1]]
    assert notes[NAMES[0]] == FileNotes()
    assert notes[NAMES[1]] == RuffFailure("timeout")
    assert NAMES[5] not in notes


async def test_without_an_answer_a_batch_goes_on_whatever_its_time() -> None:
    assert _is_just(await _settled(Runs(Dead("crashed"))))
    notes = await _settled(Runs(Dead("crashed")), seconds=0)
    assert notes == {name: FileNotes() for name in NAMES[:4]}


async def test_what_a_run_leaves_out_has_no_answer() -> None:
    async def run(batch: Sequence[Source]) -> Notes | Dead:
        return {} if len(batch) == 1 else Dead("crashed", BAD)

    assert await _settled(run) == {}
