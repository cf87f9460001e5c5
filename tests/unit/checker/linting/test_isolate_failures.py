"""Which runs it takes to isolate the files that break them."""

import asyncio
import time
from collections.abc import Sequence
from math import inf

from services.checker.linting.diagnostics import FileDiagnostics
from services.checker.linting.isolate_failures import (
    MAX_HINTS,
    BrokenRun,
    RuffFailure,
    Run,
    RunOutput,
    isolate_failures,
)
from services.checker.linting.sources import Source

FILES = [Source(f"{number:04}.py", "", b"") for number in range(8)]
NAMES = [source.name for source in FILES]
BAD, INNOCENT = NAMES[5], NAMES[0]


class FakeRuns:
    """Runs that break when a bad file is among their files."""

    def __init__(self, broken: BrokenRun) -> None:
        self._death, self.batches = broken, list[list[str]]()

    async def __call__(self, batch: Sequence[Source]) -> RunOutput | BrokenRun:
        names = [source.name for source in batch]
        self.batches.append(names)
        return self._death if BAD in names else {name: FileDiagnostics() for name in names}


def _only_bad_failed(output: RunOutput) -> bool:
    """Whether the bad file alone has failed, and every file has output."""
    failed = [name for name, note in output.items() if isinstance(note, RuffFailure)]
    return failed == [BAD] and sorted(output) == NAMES


async def _isolated(runs: Run, seconds: float = inf) -> RunOutput:
    """All output, whenever it is yielded."""
    output: RunOutput = {}
    async for some in isolate_failures(FILES, runs, seconds):
        assert not output.keys() & some.keys()
        output |= some
    return output


async def test_a_suspect_is_run_alone_after_the_others_have_their_answers() -> None:
    runs = FakeRuns(BrokenRun("crashed", BAD))
    assert _only_bad_failed(await _isolated(runs))
    others = [name for name in NAMES if name != BAD]
    assert runs.batches == [NAMES, others, [BAD]]
    yielded = [list(output) async for output in isolate_failures(FILES, runs)]
    assert yielded == [others, [BAD]]


async def test_a_proven_suspect_is_not_run_again() -> None:
    runs = FakeRuns(BrokenRun("timeout", BAD, in_check=True, proven=True))
    output = await _isolated(runs)
    assert _only_bad_failed(output)
    assert output[BAD] == RuffFailure("timeout")
    assert runs.batches == [NAMES, NAMES[:5], NAMES[6:]]  # those before it are known to be quick


async def test_files_before_the_suspect_are_run_first() -> None:
    runs = FakeRuns(BrokenRun("timeout", BAD, in_check=True))
    output = await _isolated(runs, seconds=0)
    assert list(output) == NAMES[:5]
    runs.batches.clear()
    assert _only_bad_failed(await _isolated(runs))
    assert runs.batches == [NAMES, NAMES[:5], NAMES[6:], [BAD]]


async def test_a_wrong_suspect_does_not_fail() -> None:
    for broken in (
        BrokenRun("crashed", INNOCENT),
        BrokenRun("crashed", "unheard-of.py"),
        BrokenRun("crashed"),
    ):
        assert _only_bad_failed(await _isolated(FakeRuns(broken)))


async def test_misleading_suspects_are_not_followed_for_long() -> None:
    runs = 0

    async def mislead(batch: Sequence[Source]) -> RunOutput | BrokenRun:
        nonlocal runs
        runs += 1
        names = [source.name for source in batch]
        others = [name for name in names if name != BAD]
        return (
            BrokenRun("crashed", others[0] if others else None)
            if BAD in names
            else {n: FileDiagnostics() for n in names}
        )

    assert _only_bad_failed(await _isolated(mislead))
    assert runs <= 1 + MAX_HINTS + 2 * len(NAMES)


async def test_after_its_time_a_batch_ends_with_the_output_it_has() -> None:
    """Each of four files takes all the time it is given; the one before them takes none."""
    slow, began = NAMES[1:5], time.monotonic()
    batches: list[list[str]] = []

    async def run(batch: Sequence[Source]) -> RunOutput | BrokenRun:
        names = [source.name for source in batch]
        batches.append(names)
        suspect = next((name for name in names if name in slow), None)
        if suspect is None:
            return {name: FileDiagnostics() for name in names}
        await asyncio.sleep(0.1)
        return BrokenRun("timeout", suspect, in_check=True, proven=True)

    output = await _isolated(run, seconds=0.15)
    assert time.monotonic() - began < 0.4
    assert batches[:2] == [NAMES, NAMES[:1]]
    assert output[NAMES[0]] == FileDiagnostics()
    assert output[NAMES[1]] == RuffFailure("timeout")
    assert NAMES[5] not in output


async def test_a_batch_without_output_goes_on_whatever_its_time() -> None:
    assert _only_bad_failed(await _isolated(FakeRuns(BrokenRun("crashed"))))
    output = await _isolated(FakeRuns(BrokenRun("crashed")), seconds=0)
    assert output == {name: FileDiagnostics() for name in NAMES[:4]}


async def test_a_file_that_a_run_leaves_out_has_no_output() -> None:
    async def run(batch: Sequence[Source]) -> RunOutput | BrokenRun:
        return {} if len(batch) == 1 else BrokenRun("crashed", BAD)

    assert await _isolated(run) == {}
