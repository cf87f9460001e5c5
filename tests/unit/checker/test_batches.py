"""Which runs it takes to find the files that break them."""

import asyncio
import time
from collections.abc import Sequence

from services.checker.batches import Dead, Notes, RuffFailure, settle
from services.checker.diagnostics import FileNotes
from services.checker.sources import Source

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


async def test_a_suspect_is_run_alone_and_the_others_together() -> None:
    runs = Runs(Dead("crashed", BAD))
    assert _is_just(await settle(FILES, runs))
    assert runs.batches == [NAMES, [BAD], [name for name in NAMES if name != BAD]]


async def test_a_suspect_that_has_had_its_time_is_not_run_again() -> None:
    runs = Runs(Dead("timeout", BAD, proven=True))
    notes = await settle(FILES, runs)
    assert _is_just(notes)
    assert notes[BAD] == RuffFailure("timeout")
    assert runs.batches == [NAMES, NAMES[:5], NAMES[6:]]  # those before it are known to be quick


async def test_a_wrong_hint_costs_an_innocent_file_nothing() -> None:
    for death in (Dead("crashed", INNOCENT), Dead("crashed", "unheard-of.py"), Dead("crashed")):
        assert _is_just(await settle(FILES, Runs(death)))


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
        return Dead("timeout", suspect, proven=True)

    notes = await settle(FILES, run, seconds=0.15)
    assert time.monotonic() - began < 0.4
    assert batches[:2] == [NAMES, NAMES[:1]]
    assert notes[NAMES[0]] == FileNotes()
    assert notes[NAMES[1]] == RuffFailure("timeout")
    assert NAMES[5] not in notes


async def test_without_an_answer_a_batch_goes_on_whatever_its_time() -> None:
    assert _is_just(await settle(FILES, Runs(Dead("crashed"))))
    notes = await settle(FILES, Runs(Dead("crashed")), seconds=0)
    assert notes == {NAMES[0]: FileNotes(), **{name: FileNotes() for name in NAMES[:4]}}


async def test_what_a_run_leaves_out_has_no_answer() -> None:
    async def run(batch: Sequence[Source]) -> Notes | Dead:
        return {} if len(batch) == 1 else Dead("crashed", BAD)

    assert await settle(FILES, run) == {}
