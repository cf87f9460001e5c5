"""Asks ruff about a batch of files. The only module that knows its command line.

Every result is ruff's complete answer or a failure with a reason: a dead run never looks clean.
Measured with ruff 0.17.6 on two cores: 500 files of 5 MB in 0.5 s as one run, 5 s as 500.
"""

import asyncio
import errno
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from ruff import find_ruff_bin

from services.checker.linting.diagnostics import DiagnosticsReader
from services.checker.linting.isolate_failures import Dead, Notes, RuffFailure, settle
from services.checker.linting.progress import Progress
from services.checker.linting.ruff_results import RuffResult, results, silenced_among
from services.checker.linting.sources import Source, sources
from services.checker.rules import Profile
from services.checker.sandbox.detection import Wanted, find_isolation
from services.checker.sandbox.disk_space import ever_fits, is_full
from services.checker.sandbox.isolation import Isolation
from services.checker.sandbox.launcher import Launcher
from services.checker.sandbox.limited_process import Ending, Limits, run_limited
from services.checker.sandbox.private_folders import private_folder

__all__ = ["Ruff", "RuffFailure", "RuffResult"]

Key = TypeVar("Key")

# Rules about a file's name, folder or permissions: those are ours, not the author's.
_ABOUT_OUR_NAMES = "A005,EXE001,EXE002,INP001,N999,RUF200"
# A last file with an error in its syntax. Ruff answers in the order of names, so an output that
# reports it is complete, and one that does not is never taken for "no findings".
_LAST = Source("last.py", "(", b"(")
_CLEAN, _FOUND = 0, 1  # exit codes; every other says that ruff failed
_WRITTEN_AT_ONCE = 256 << 10  # bytes
# Of the time a file has alone. E501 takes 42 s for a line of 1 MiB of `#`, the square of its
# length; such a file need not use up its time twice. To be called slow it need not use it up once.
_ENOUGH, _SLOW_ENOUGH = 0.9, 0.5
# That are used, as each run may take memory; more copies of the checker use more.
CORES = min(4, len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
HURRY = 1.0  # seconds, besides one for each megabyte, that a run among others may take
HURRY_MEMORY = 320 << 20  # bytes; for a megabyte of ordinary source a third of that is enough
LONGEST = 90.0  # seconds of a run, whatever the size: two of them are shorter than a claim


@dataclass(frozen=True)
class Ruff:
    """An installed ruff, where it may put files, and what it may use."""

    binary: Path = field(default_factory=lambda: Path(find_ruff_bin()))
    work_dir: Path = Path("/dev/shm")  # noqa: S108 - memory, so that contents never touch a disk
    limits: Limits = field(default_factory=lambda: Limits(waits=3.0, nice=10))
    isolation: Isolation = field(default_factory=Isolation)
    launcher: Launcher | None = field(default=None, compare=False)  # without one each run is slower
    patience: float = 60.0  # seconds, after which nothing slow begins any more
    enough: float = _ENOUGH
    hurry: Limits = field(
        default_factory=lambda: Limits(seconds=HURRY, waits=10.0, memory=HURRY_MEMORY)
    )
    # A run takes one core, so that the last file it began is the one it is busy with.
    cores: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(CORES), compare=False
    )

    def isolated(self, wanted: Wanted) -> "Ruff":
        """The same with all the isolation that this system allows; see `find_isolation`."""
        isolation = find_isolation(wanted, [self.binary, "--version"], self.work_dir)
        return replace(self, isolation=isolation)

    @cached_property
    def engine(self) -> str:
        """Name and version as the program tells them: `ruff 0.17.6`. Blocks for a moment, once."""
        command = [str(self.binary), "--version"]
        answer = subprocess.run(  # noqa: S603 - our own command
            command, env={}, capture_output=True, text=True, check=True, timeout=30
        )
        return answer.stdout.strip()

    def hurried(self, cores: int = CORES) -> "Ruff":
        """The same for the files of many people: what fails here may need more time or memory."""
        hurried = replace(self, limits=self.hurry, patience=self.hurry.seconds)
        return replace(hurried, enough=_SLOW_ENOUGH, cores=asyncio.Semaphore(cores))

    async def check(
        self, contents: Mapping[Key, bytes], profile: Profile
    ) -> dict[Key, RuffResult | RuffFailure]:
        """All that `answers` tells."""
        found: dict[Key, RuffResult | RuffFailure] = {}
        async for some in self.answers(contents, profile):
            found |= some
        return found

    async def answers(
        self, contents: Mapping[Key, bytes], profile: Profile
    ) -> AsyncIterator[dict[Key, RuffResult | RuffFailure]]:
        """Check all files in one run; one that breaks the run is found and fails alone.

        Tells what is known as soon as it is. Files that found no time or no room now are left out:
        they are to be checked again. Raises OSError when there is no room for any, no folder or no
        program: that is no file's fault.
        """
        if not os.access(self.binary, os.X_OK):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.binary))
        named = await asyncio.to_thread(sources, contents)
        if unreadable := {key for key, source in named.items() if source is None}:
            yield dict.fromkeys(unreadable, RuffFailure("unreadable"))
        keys = {source.name: (key, source) for key, source in named.items() if source}
        answered = 0
        async for notes, loud in self._ask([source for _, source in keys.values()], profile):
            answered += len(notes)
            yield await asyncio.to_thread(results, notes, loud, keys)
        if keys and not answered:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.work_dir))

    async def _ask(
        self, readable: Sequence[Source], profile: Profile
    ) -> AsyncIterator[tuple[Notes, Notes]]:
        """What is found in some files, and what would be if nothing in them were silenced."""
        end = time.monotonic() + self.patience
        by_name, arguments = {one.name: one for one in readable}, _arguments(profile)
        loudly = partial(self._run, [*arguments, "--ignore-noqa"])
        async for notes in settle(readable, partial(self._run, arguments), self.patience):
            silenced = await asyncio.to_thread(
                silenced_among, [by_name[name] for name in notes], notes
            )
            if not silenced:
                yield notes, {}
                continue
            waiting = {one.name for one in silenced}
            if at_once := {name: note for name, note in notes.items() if name not in waiting}:
                yield at_once, {}
            async for loud in settle(silenced, loudly, end - time.monotonic()):
                yield {name: notes[name] for name in loud}, loud

    async def _run(self, arguments: Sequence[str], batch: Sequence[Source]) -> Notes | Dead:
        async with self.cores:
            with private_folder(self.work_dir) as folder:
                try:
                    await _write(folder, [*batch, _LAST])
                except OSError as error:
                    if not is_full(error):
                        raise
                    sizes = [len(source.content) for source in (*batch, _LAST)]
                    if len(batch) == 1 and ever_fits(sizes, folder, error):
                        return {}  # others have the room now
                    return Dead("crashed")  # half of them may fit
                return await self._run_in(folder, arguments, batch)

    async def _run_in(
        self, folder: Path, arguments: Sequence[str], batch: Sequence[Source]
    ) -> Notes | Dead:
        notebook, progress = DiagnosticsReader([one.name for one in (*batch, _LAST)]), Progress()
        began = time.monotonic()
        ending = await run_limited(
            [self.binary, *arguments, *notebook.files],
            folder=folder,
            env=self._environment(),
            limits=self.limits,
            isolation=self.isolation,
            launcher=self.launcher,
            seconds=self._seconds(batch),
            read_out=notebook.read,
            read_err=progress.read,
        )
        share = min(1.0, ending.used / (time.monotonic() - began))
        answer = _judge(ending, notebook, progress, share)
        if not isinstance(answer, Dead):
            return answer
        busy = next((source for source in batch if source.name == progress.last), None)
        had = share * progress.seconds
        proven = busy is not None and had > self.enough * self._seconds([busy])
        cut_short = answer.reason == "timeout" and ending.used < self._seconds(batch)
        return replace(
            answer, proven=answer.in_check and proven, seconds=ending.used, cut_short=cut_short
        )

    def _seconds(self, batch: Sequence[Source]) -> float:
        size = sum(len(source.content) for source in batch)
        return min(self.limits.seconds + size / 1e6, LONGEST)

    def _environment(self) -> dict[str, str]:
        """Nothing of ours, so no `RUFF_…` either."""
        return {"RAYON_NUM_THREADS": "1", "RUST_MIN_STACK": str(self.limits.stack)}


def _arguments(profile: Profile) -> list[str]:
    return [
        "check", "--isolated", "--no-cache", "--no-fix", "--no-preview", "--verbose",
        "--no-respect-gitignore", "--output-format=json-lines",
        f"--select={','.join(profile.select)}",
        f"--ignore={','.join([*profile.ignore, _ABOUT_OUR_NAMES])}",
        f"--target-version={profile.target_version}",
        f"--config=line-length={profile.line_length}",
    ]  # fmt: skip


async def _write(folder: Path, files: Sequence[Source]) -> None:
    """In pieces, so that the event loop has its turn and nothing writes on after a cancel."""
    written = 0
    for source in files:
        with (folder / source.name).open("wb") as file:
            file.write(source.content)
        written += len(source.content)
        if written > _WRITTEN_AT_ONCE:
            written = await asyncio.sleep(0, 0)


def _judge(
    ending: Ending, notebook: DiagnosticsReader, progress: Progress, share: float
) -> Notes | Dead:
    """Take the `share` of the time by the clock in which the run had the processor."""
    suspect = notebook.longest or progress.last
    if ending.reason:
        # Ruff writes nothing before it has checked all files.
        in_check = ending.reason == "timeout" and notebook.longest is None
        return Dead(ending.reason, suspect, in_check=in_check)
    if ending.code not in {_CLEAN, _FOUND}:
        return Dead("crashed", suspect)
    if not (notebook.finished and notebook.files[_LAST.name].syntax_error):
        return Dead("unreadable", suspect)
    for name, seconds in progress.spent.items():
        if name in notebook.files:
            notebook.files[name].seconds = share * seconds
    return {
        name: RuffFailure("unreadable") if notes.unreadable else notes
        for name, notes in notebook.files.items()
        if name != _LAST.name
    }
