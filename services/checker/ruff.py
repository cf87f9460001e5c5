"""Asks ruff about a batch of files. The only module that knows its command line.

Every result is ruff's complete answer or a failure with a reason: a dead run never looks clean.
Measured with ruff 0.17.6 on two cores: 500 files of 5 MB in 0.5 s as one run, 5 s as 500.
"""

import asyncio
import errno
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from ruff import find_ruff_bin

from services.checker.batches import Dead, Notes, RuffFailure, settle
from services.checker.detection import Wanted, find_isolation
from services.checker.diagnostics import Diagnostic, FileNotes, Notebook
from services.checker.isolation import Isolation
from services.checker.progress import Progress
from services.checker.room import ever_fits, is_full
from services.checker.rules import Profile
from services.checker.sandbox import Ending, Limits, private_folder, run_limited
from services.checker.sources import Source, sources

__all__ = ["Ruff", "RuffFailure", "RuffResult"]

Key = TypeVar("Key")

# Rules about a file's name, folder or permissions: those are ours, not the author's.
_ABOUT_OUR_NAMES = "A005,EXE001,EXE002,INP001,N999,RUF200"
# A last file with an error in its syntax. Ruff answers in the order of names, so an output that
# reports it is complete, and one that does not is never taken for "no findings".
_LAST = Source("last.py", "(", b"(")
_CLEAN, _FOUND = 0, 1  # exit codes; every other says that ruff failed
_MAX_QUOTED_LINE = 1000  # characters
# Of the time a file has alone. E501 takes 42 s for a line of 1 MiB of `#`, the square of its
# length; such a file need not use up its time twice.
_ENOUGH = 0.9


@dataclass(frozen=True)
class RuffResult:
    """The complete answer about one file.

    `diagnostics` are at most 500, the heaviest, in the order of the file; `totals` counts all by
    code. With a syntax error that error is the only diagnostic: ruff can't judge the rest.
    """

    diagnostics: tuple[Diagnostic, ...]
    totals: Mapping[str, int]
    suppressed: int = 0
    syntax_error: bool = False

    @property
    def truncated(self) -> bool:
        return len(self.diagnostics) < sum(self.totals.values())


@dataclass(frozen=True)
class Ruff:
    """An installed ruff, where it may put files, and what it may use."""

    binary: Path = field(default_factory=lambda: Path(find_ruff_bin()))
    work_dir: Path = Path("/dev/shm")  # noqa: S108 - memory, so that contents never touch a disk
    limits: Limits = field(default_factory=Limits)
    isolation: Isolation = field(default_factory=Isolation)
    patience: float = 60.0  # seconds, after which nothing slow begins any more

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

    async def check(
        self, contents: Mapping[Key, bytes], profile: Profile
    ) -> dict[Key, RuffResult | RuffFailure]:
        """Check all files in one run; one that breaks the run is found and fails alone.

        Files that found no time or no room now are left out: they are to be checked again. Raises
        OSError when there is no room for any, no folder or no program: that is no file's fault.
        """
        if not os.access(self.binary, os.X_OK):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.binary))
        named = await asyncio.to_thread(sources, contents)
        readable = [source for source in named.values() if source]
        answers = await self._ask(readable, _arguments(profile))
        return {
            key: answers[source.name] if source else RuffFailure("unreadable")
            for key, source in named.items()
            if source is None or source.name in answers
        }

    async def _ask(
        self, readable: Sequence[Source], arguments: Sequence[str]
    ) -> dict[str, RuffResult | RuffFailure]:
        begun = time.monotonic()
        notes = await settle(readable, partial(self._run, arguments), self.patience)
        silenced = await asyncio.to_thread(_silenced, readable, notes)
        left = self.patience - (time.monotonic() - begun)
        loud = await settle(silenced, partial(self._run, [*arguments, "--ignore-noqa"]), left)
        unheard = {source.name for source in silenced} - loud.keys()
        answered = [one for one in readable if one.name in notes and one.name not in unheard]
        if readable and not answered:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.work_dir))
        return await asyncio.to_thread(
            lambda: {source.name: _result(source, notes, loud) for source in answered}
        )

    async def _run(self, arguments: Sequence[str], batch: Sequence[Source]) -> Notes | Dead:
        files = [*batch, _LAST]
        notebook = Notebook([source.name for source in files])
        progress = Progress()
        with private_folder(self.work_dir) as folder:
            try:
                await _write(folder, files)
            except OSError as error:
                if not is_full(error):
                    raise
                sizes = [len(source.content) for source in files]
                if len(batch) == 1 and ever_fits(sizes, folder, error):
                    return {}  # others have the room now
                return Dead("crashed")  # half of them may fit
            ending = await run_limited(
                [self.binary, *arguments, *notebook.files],
                folder=folder,
                env=self._environment(),
                limits=self.limits,
                isolation=self.isolation,
                seconds=self._seconds(batch),
                read_out=notebook.read,
                read_err=progress.read,
            )
        busy = next((source for source in batch if source.name == progress.last), None)
        proven = busy is not None and progress.seconds > _ENOUGH * self._seconds([busy])
        return _judge(ending, notebook, progress, proven=proven)

    def _seconds(self, batch: Sequence[Source]) -> float:
        return self.limits.seconds + sum(len(source.content) for source in batch) / 1e6

    def _environment(self) -> dict[str, str]:
        """Nothing of ours, so no `RUFF_…` either. One worker: the last file it began is the one."""
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
    """File by file, so that the event loop has its turn and nothing writes on after a cancel."""
    for source in files:
        with (folder / source.name).open("wb") as file:
            file.write(source.content)
        await asyncio.sleep(0)


def _judge(ending: Ending, notebook: Notebook, progress: Progress, *, proven: bool) -> Notes | Dead:
    suspect = notebook.longest or progress.last
    if ending.reason:
        # Ruff writes nothing before it has checked all files.
        in_check = ending.reason == "timeout" and notebook.longest is None
        return Dead(ending.reason, suspect, proven=in_check and proven)
    if ending.code not in {_CLEAN, _FOUND}:
        return Dead("crashed", suspect)
    if not (notebook.finished and notebook.files[_LAST.name].syntax_error):
        return Dead("unreadable", suspect)
    return {
        name: RuffFailure("unreadable") if notes.unreadable else notes
        for name, notes in notebook.files.items()
        if name != _LAST.name
    }


def _silenced(readable: Sequence[Source], notes: Notes) -> list[Source]:
    """The files that may have suppressed findings to count."""
    return [
        source
        for source in readable
        if _parsed(notes.get(source.name)) and source.mentions_suppression
    ]


def _parsed(found: FileNotes | RuffFailure | None) -> bool:
    return isinstance(found, FileNotes) and found.syntax_error is None


def _result(source: Source, notes: Notes, loud: Notes) -> RuffResult | RuffFailure:
    found = notes[source.name]
    everything = loud.get(source.name, found)
    if isinstance(found, RuffFailure):
        return found
    if isinstance(everything, RuffFailure):
        return everything
    if found.syntax_error:
        error = _quote([found.syntax_error], source)
        return RuffResult(error, {found.syntax_error.code: 1}, syntax_error=True)
    suppressed = everything.totals - found.totals
    return RuffResult(_quote(found.worst(), source), found.totals, suppressed.total())


def _quote(found: Sequence[Diagnostic], source: Source) -> tuple[Diagnostic, ...]:
    """Add to each the line of source it is about."""
    rows = dict(enumerate(source.lines, 1)) if found else {}
    return tuple(replace(one, line=rows.get(one.row, "")[:_MAX_QUOTED_LINE]) for one in found)
