"""Collects outcomes for a moment, so that they are recorded in sets."""

import asyncio
from collections.abc import Callable, Collection

from services.notifier.recording.outcomes import DeliveryOutcome
from services.notifier.recording.recorder import Recorder
from shared.logging import log

LINGER = 0.2  # seconds, so that none is recorded later than half a second after the reply


class OutcomeBuffer:
    """Records a set of outcomes when it has `size`, when it is flushed, or after `LINGER`."""

    def __init__(self, recorder: Recorder, size: int) -> None:
        self._recorder, self._size = recorder, size
        self.on_recorded: Callable[[Collection[DeliveryOutcome]], None] = lambda _: None
        self._buffered: list[DeliveryOutcome] = []
        self._flush = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, outcomes: Collection[DeliveryOutcome]) -> None:
        self._buffered.extend(outcomes)
        if len(self._buffered) >= self._size:
            self._flush.set()
        if self._buffered and self._task is None:
            self._task = asyncio.create_task(self._record_all())

    def flush(self) -> None:
        """Record what there is, as no more outcomes are expected now."""
        if self._buffered:
            self._flush.set()

    async def wait_until_recorded(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _record_all(self) -> None:
        try:
            while self._buffered:
                await self._linger()
                outcomes, self._buffered = self._buffered, []
                await self._record(outcomes)
        finally:
            self._task = None

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(LINGER):
                await self._flush.wait()
        except TimeoutError:
            pass
        self._flush.clear()

    async def _record(self, outcomes: list[DeliveryOutcome]) -> None:
        try:
            await self._recorder.record(outcomes)
        except Exception:  # noqa: BLE001 - others are to be recorded
            log.exception("mails_not_recorded", mails=len(outcomes))
        finally:
            self.on_recorded(outcomes)
