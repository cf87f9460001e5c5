"""Runs ruff over a batch of files. The only module that knows its command line.

Every result is ruff's complete output or a failure with a reason: a broken run never looks clean.
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
from services.checker.linting.isolate_failures import (
    BrokenRun,
    RuffFailure,
    RunOutput,
    isolate_failures,
)
from services.checker.linting.progress import ProgressReader
from services.checker.linting.ruff_results import RuffResult, ruff_results, with_suppressions
from services.checker.linting.sources import Source, decode_sources
from services.checker.linting.work_files import WorkFiles, is_disk_full
from services.checker.rules import Profile
from services.checker.sandbox.detection import IsolationMode, find_isolation
from services.checker.sandbox.isolation import Isolation
from services.checker.sandbox.launcher import Launcher
from services.checker.sandbox.limited_process import ProcessEnd, ProcessLimits, run_limited
from services.checker.sandbox.private_folders import private_folder

__all__ = ["Ruff", "RuffFailure", "RuffResult"]

Key = TypeVar("Key")

# Rules about a file's name, folder or permissions: those are ours, not the author's.
_ABOUT_OUR_NAMES = "A005,EXE001,EXE002,INP001,N999,RUF200"
# A last file with a syntax error. Ruff prints diagnostics in the order of names, so an output that
# reports it is complete, and one that does not is never taken for "no findings".
_SENTINEL = Source("last.py", "(", b"(")
_CLEAN, _FOUND = 0, 1  # exit codes; every other says that ruff failed
# Share of the time a file has alone, after which it has proven to break the run. E501 takes 42 s
# for a line of 1 MiB of `#`, the square of its length: such a file need not use up its time twice.
# To be moved to the slow queue a file need not use it up once.
_PROVEN_SHARE, _PROVEN_SHARE_QUICK = 0.9, 0.5
# That are used, as each run may take memory; more copies of the checker use more.
CORES = min(4, len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
QUICK_SECONDS = 1.0  # of a run of the quick and large queues, plus one for each megabyte
QUICK_MEMORY = 320 << 20  # bytes; for a megabyte of ordinary source a third of that is enough
MAX_RUN_SECONDS = 90.0  # whatever the size: two runs are shorter than the lease of a claim


@dataclass(frozen=True)
class Ruff:
    """An installed ruff, where it may put files, and what it may use."""

    binary: Path = field(default_factory=lambda: Path(find_ruff_bin()))
    work_dir: Path = Path("/dev/shm")  # noqa: S108 - memory, so that contents never touch a disk
    limits: ProcessLimits = field(default_factory=lambda: ProcessLimits(wall_factor=3.0, nice=10))
    isolation: Isolation = field(default_factory=Isolation)
    launcher: Launcher | None = field(default=None, compare=False)  # without one each run is slower
    retry_seconds: float = 60.0  # after which only files that are known to be quick are run
    proven_share: float = _PROVEN_SHARE
    quick_limits: ProcessLimits = field(
        default_factory=lambda: ProcessLimits(
            seconds=QUICK_SECONDS, wall_factor=10.0, memory=QUICK_MEMORY
        )
    )
    # A run takes one core, so that the last file it began is the one it is busy with.
    core_slots: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(CORES), compare=False
    )
    work_files: WorkFiles = field(default_factory=WorkFiles, compare=False)

    def isolated(self, mode: IsolationMode) -> "Ruff":
        """The same with all the isolation that this system allows; see `find_isolation`."""
        isolation = find_isolation(mode, [self.binary, "--version"], self.work_dir)
        return replace(self, isolation=isolation)

    @cached_property
    def engine(self) -> str:
        """Name and version as the program prints them: `ruff 0.17.6`. Blocks for a moment, once."""
        command = [str(self.binary), "--version"]
        completed = subprocess.run(  # noqa: S603 - our own command
            command, env={}, capture_output=True, text=True, check=True, timeout=30
        )
        return completed.stdout.strip()

    def with_quick_limits(self, cores: int = CORES) -> "Ruff":
        """The same with low limits, for runs that others wait for."""
        quick = replace(self, limits=self.quick_limits, retry_seconds=self.quick_limits.seconds)
        slots = asyncio.Semaphore(cores)
        return replace(quick, proven_share=_PROVEN_SHARE_QUICK, core_slots=slots)

    async def check(
        self, contents: Mapping[Key, bytes], profile: Profile
    ) -> dict[Key, RuffResult | RuffFailure]:
        """All results of `check_incrementally`."""
        found: dict[Key, RuffResult | RuffFailure] = {}
        async for some in self.check_incrementally(contents, profile):
            found |= some
        return found

    async def check_incrementally(
        self, contents: Mapping[Key, bytes], profile: Profile
    ) -> AsyncIterator[dict[Key, RuffResult | RuffFailure]]:
        """Check all files in one run; one that breaks the run is isolated and fails alone.

        Yields results as soon as they are known. Files for which there was no time or no space are
        left out: they are to be checked again. Raises OSError when there is no space for any, no
        folder or no program: that is no file's fault.
        """
        if not os.access(self.binary, os.X_OK):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.binary))
        decoded = await asyncio.to_thread(decode_sources, contents)
        if unreadable := {key for key, source in decoded.items() if source is None}:
            yield dict.fromkeys(unreadable, RuffFailure("unreadable"))
        keys = {source.name: (key, source) for key, source in decoded.items() if source}
        answered = 0
        sources = [source for _, source in keys.values()]
        async for output, unsuppressed in self._check_sources(sources, profile):
            answered += len(output)
            yield await asyncio.to_thread(ruff_results, output, unsuppressed, keys)
        if keys and not answered:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.work_dir))

    async def _check_sources(
        self, sources: Sequence[Source], profile: Profile
    ) -> AsyncIterator[tuple[RunOutput, RunOutput]]:
        """Output for some files, and that for those with suppression comments, ignoring them."""
        end = time.monotonic() + self.retry_seconds
        by_name, arguments = {one.name: one for one in sources}, _arguments(profile)
        ignoring = partial(self._run, [*arguments, "--ignore-noqa"])
        runs = isolate_failures(sources, partial(self._run, arguments), self.retry_seconds)
        async for output in runs:
            again = await asyncio.to_thread(
                with_suppressions, [by_name[name] for name in output], output
            )
            if not again:
                yield output, {}
                continue
            waiting = {one.name for one in again}
            if complete := {name: one for name, one in output.items() if name not in waiting}:
                yield complete, {}
            async for unsuppressed in isolate_failures(again, ignoring, end - time.monotonic()):
                yield {name: output[name] for name in unsuppressed}, unsuppressed

    async def _run(
        self, arguments: Sequence[str], sources: Sequence[Source]
    ) -> RunOutput | BrokenRun:
        async with self.core_slots:
            with private_folder(self.work_dir) as folder:
                files = [*sources, _SENTINEL]
                try:
                    await self.work_files.write(folder, files)
                except OSError as error:
                    if not is_disk_full(error):
                        raise
                    sizes = [len(source.content) for source in files]
                    if len(sources) == 1 and self.work_files.fit_empty_disk(sizes, folder, error):
                        return {}  # others use the disk now
                    return BrokenRun("crashed")  # half of them may fit
                return await self._run_in(folder, arguments, sources)

    async def _run_in(
        self, folder: Path, arguments: Sequence[str], sources: Sequence[Source]
    ) -> RunOutput | BrokenRun:
        diagnostics = DiagnosticsReader([one.name for one in (*sources, _SENTINEL)])
        progress = ProgressReader()
        began = time.monotonic()
        end = await run_limited(
            [self.binary, *arguments, *diagnostics.files],
            folder=folder,
            env=self._environment(),
            limits=self.limits,
            isolation=self.isolation,
            launcher=self.launcher,
            seconds=self._seconds(sources),
            read_out=diagnostics.read,
            read_err=progress.read,
        )
        cpu_share = min(1.0, end.cpu_seconds / (time.monotonic() - began))
        output = _read_output(end, diagnostics, progress, cpu_share)
        if not isinstance(output, BrokenRun):
            return output
        busy = next((source for source in sources if source.name == progress.current), None)
        used = cpu_share * progress.seconds_of_current
        proven = busy is not None and used > self.proven_share * self._seconds([busy])
        cut_short = output.reason == "timeout" and end.cpu_seconds < self._seconds(sources)
        return replace(
            output, proven=output.in_check and proven, seconds=end.cpu_seconds, cut_short=cut_short
        )

    def _seconds(self, sources: Sequence[Source]) -> float:
        size = sum(len(source.content) for source in sources)
        return min(self.limits.seconds + size / 1e6, MAX_RUN_SECONDS)

    def _environment(self) -> dict[str, str]:
        """Nothing of the service's own, so no `RUFF_…` either."""
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


def _read_output(
    end: ProcessEnd, diagnostics: DiagnosticsReader, progress: ProgressReader, cpu_share: float
) -> RunOutput | BrokenRun:
    """Take the share of the elapsed time in which the run had the processor."""
    suspect = diagnostics.longest or progress.current
    if end.reason:
        # Ruff writes nothing before it has checked all files.
        in_check = end.reason == "timeout" and diagnostics.longest is None
        return BrokenRun(end.reason, suspect, in_check=in_check)
    if end.code not in {_CLEAN, _FOUND}:
        return BrokenRun("crashed", suspect)
    if not (diagnostics.finished and diagnostics.files[_SENTINEL.name].syntax_error):
        return BrokenRun("unreadable", suspect)
    for name, seconds in progress.seconds.items():
        if name in diagnostics.files:
            diagnostics.files[name].seconds = cpu_share * seconds
    return {
        name: RuffFailure("unreadable") if found.unreadable else found
        for name, found in diagnostics.files.items()
        if name != _SENTINEL.name
    }
