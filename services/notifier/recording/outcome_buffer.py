"""What became of mails, collected for a moment and recorded together."""

import asyncio
from collections.abc import Callable, Collection

from services.notifier.recording.recorder import Outcome, Recorder
from shared.logging import log

LINGER = 0.2  # seconds, so that none is recorded later than half a second after the answer


class OutcomeBuffer:
    """Records outcomes in sets: once there are `enough`, or no more are to come, or in a moment."""

    def __init__(
        self, recorder: Recorder, enough: int, recorded: Callable[[Collection[Outcome]], None]
    ) -> None:
        """Take whom to tell what is no longer waited for."""
        self._recorder, self._enough, self._recorded = recorder, enough, recorded
        self._waiting: list[Outcome] = []
        self._all_there = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, outcomes: Collection[Outcome]) -> None:
        self._waiting.extend(outcomes)
        if len(self._waiting) >= self._enough:
            self._all_there.set()
        if self._waiting and self._task is None:
            self._task = asyncio.create_task(self._record_all())

    def no_more_to_come(self) -> None:
        """For now: there is nothing to wait for."""
        if self._waiting:
            self._all_there.set()

    async def recorded(self) -> None:
        """Wait for what is being recorded."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _record_all(self) -> None:
        try:
            while self._waiting:
                await self._collect()
                outcomes, self._waiting = self._waiting, []
                await self._record(outcomes)
        finally:
            self._task = None

    async def _collect(self) -> None:
        try:
            async with asyncio.timeout(LINGER):
                await self._all_there.wait()
        except TimeoutError:
            pass
        self._all_there.clear()

    async def _record(self, outcomes: list[Outcome]) -> None:
        try:
            await self._recorder.record(outcomes)
        except Exception:  # noqa: BLE001 - others are to be recorded
            log.exception("mails_not_recorded", mails=len(outcomes))
        finally:
            self._recorded(outcomes)
