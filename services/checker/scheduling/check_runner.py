"""Checks claimed files: fetches their contents, lets ruff judge them, has the results recorded."""

import time
from collections.abc import AsyncIterator
from uuid import UUID

from services.checker.claims import due_files
from services.checker.claims.due_files import DueFile, Key, Lane
from services.checker.domain.contents import Contents
from services.checker.linting.ruff import Ruff, RuffFailure
from services.checker.results.check_events import Run, tool_of
from services.checker.results.recorder import Answers, Recorder
from services.checker.rules import Profile
from services.checker.scheduling.runs import FREE, Spending
from shared.clock import Clock
from shared.db import Database
from shared.logging import log

# Of time or memory.
_MAY_BE_FOR_LACK = (RuffFailure("timeout"), RuffFailure("crashed"))


class Checking:
    """What one run does, from claimed files to results."""

    def __init__(
        self,
        database: Database,
        contents: Contents,
        ruff: Ruff,
        recorder: Recorder,
        profile: Profile,
        clock: Clock,
    ) -> None:
        self._database, self._contents, self._recorder = database, contents, recorder
        self._ruff, hurried = ruff, ruff.hurried()
        self._ruffs: dict[Lane, Ruff] = {
            "quick": hurried, "large": ruff.hurried(1), "slow": ruff, "suspects": ruff,
        }  # fmt: skip
        self._profile, self._clock = profile, clock
        # Of the time of others, and of that of nobody but those who are slow as well.
        self.spent_of_others, self.spent_apart = Spending(), Spending()
        self.in_hand = set[Key]()

    @property
    def tool(self) -> str:
        return tool_of(self._ruff.engine, self._profile)

    async def check(self, files: list[DueFile], lane: Lane) -> None:
        """Record each result as soon as it is there; what gets none is due again.

        What takes longer than others wait for is put aside, unless it was; a suspect stays alone.
        """
        started_at, begun = self._clock(), time.monotonic()
        left, ruff = {one.file_id: one for one in files}, self._ruffs[lane]
        spending = self.spent_apart if lane == "slow" else self.spent_of_others
        apart = self._put_off if ruff is self._ruff else self._put_aside
        try:
            async for answers in self._answers(files, ruff):
                self._charge(files, answers, spending)
                answers = await apart(left, answers)  # noqa: PLW2901
                run = Run(self._ruff.engine, self._profile, started_at, _ms(begun))
                await self._recorder.record([left[file_id] for file_id in answers], run, answers)
                for file_id in answers:
                    del left[file_id]
        finally:
            self.in_hand -= {file.key for file in files if file.file_id not in left}
            await self.give_back(list(left.values()))
        log.info("files_checked", files=len(files) - len(left), duration_ms=_ms(begun))

    async def give_back(self, files: list[DueFile]) -> None:
        """They are due again, at the latest with the next claim."""
        if not files:
            return
        try:
            async with self._database.transaction() as connection:
                await due_files.release(connection, files)
        finally:
            self.in_hand -= {file.key for file in files}

    async def _answers(self, files: list[DueFile], ruff: Ruff) -> AsyncIterator[Answers]:
        hopeless = [file for file in files if file.deaths >= due_files.GIVEN_UP]
        if hopeless:
            yield {file.file_id: RuffFailure("crashed") for file in hopeless}
        if others := [file for file in files if file.deaths < due_files.GIVEN_UP]:
            contents = await self._contents.fetch([file.sha256 for file in others])
            fetched = {
                file.file_id: contents[file.sha256] for file in others if file.sha256 in contents
            }
            if missing := [file_id for file_id, content in fetched.items() if content is None]:
                yield dict.fromkeys(missing, RuffFailure("content_missing"))
            there = {
                file_id: content for file_id, content in fetched.items() if content is not None
            }
            async for answers in ruff.answers(there, self._profile):
                yield answers

    def _charge(self, files: list[DueFile], answers: Answers, spending: Spending) -> None:
        """To their people, what was slow or broke a run."""
        for file in files:
            answer = answers.get(file.file_id)
            if answer and (isinstance(answer, RuffFailure) or answer.seconds > FREE):
                spending.add(file.user_id, answer.seconds)

    async def _put_aside(self, left: dict[UUID, DueFile], answers: Answers) -> Answers:
        """Put aside what broke a run among others; return the other answers."""
        aside = {key for key, one in answers.items() if one in _MAY_BE_FOR_LACK}
        if aside:
            files = [left.pop(file_id) for file_id in aside]
            async with self._database.transaction() as connection:
                await due_files.put_aside(connection, files, self.tool)
            self.in_hand -= {file.key for file in files}
            log.info("files_put_aside", files=len(files))
        return {file_id: one for file_id, one in answers.items() if file_id not in aside}

    async def _put_off(self, left: dict[UUID, DueFile], answers: Answers) -> Answers:
        """Put off what the machine had no time for; return the other answers."""
        off = {
            key for key, one in answers.items()
            if isinstance(one, RuffFailure) and one.cut_short
            and left[key].unfinished < due_files.PATIENCE
        }  # fmt: skip
        for file in [left.pop(file_id) for file_id in off]:
            async with self._database.transaction() as connection:
                await due_files.put_off(connection, file, self._clock())
            self.in_hand.discard(file.key)
            log.info("check_put_off", file_id=str(file.file_id), times=file.unfinished + 1)
        return {file_id: one for file_id, one in answers.items() if file_id not in off}


def _ms(begun: float) -> int:
    return round(1000 * (time.monotonic() - begun))
