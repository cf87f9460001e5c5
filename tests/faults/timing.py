"""How long an upload and a look at the list take, before, during and after a fault."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.people import Kept, Uploader

Phase = Literal["before", "during", "after"]
EVERY = 0.5  # seconds between two measurements


@dataclass
class Times:
    """Seconds of each try in a phase, whatever it was answered."""

    uploads: list[float] = field(default_factory=list)
    lists: list[float] = field(default_factory=list)
    refused: int = 0  # uploads that were not taken


@dataclass
class Stopwatch:
    """Measures with a person of its own, one request after the other."""

    person: Uploader
    phase: Phase = "before"
    times: dict[Phase, Times] = field(
        default_factory=lambda: {"before": Times(), "during": Times(), "after": Times()}
    )
    _count: int = 0

    @asynccontextmanager
    async def ticking(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            await self._upload()
            await self._list()
            await asyncio.sleep(EVERY)

    async def _upload(self) -> None:
        self._count += 1
        times, begun = self.times[self.phase], time.monotonic()
        request = await self.person.upload(Kept(f"{self.person.account.who}_{self._count}.py"))
        times.uploads.append(time.monotonic() - begun)
        times.refused += request.outcome != "done"

    async def _list(self) -> None:
        times, begun = self.times[self.phase], time.monotonic()
        await self.person.account.asker.look("/api/v1/files", params={"limit": "50"})
        times.lists.append(time.monotonic() - begun)
