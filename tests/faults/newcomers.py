"""People who register during a run, upload one file, and of whom every second one leaves."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from uuid import uuid4

from tests.faults.accounts import Account
from tests.faults.asking import Asker, Doors
from tests.faults.ledger import Ledger
from tests.faults.mail_server import MailServer
from tests.faults.patience import end
from tests.faults.people import Kept, Uploader

PACE = 5.0  # seconds between two newcomers
AT_ONCE = 6


@dataclass
class Newcomers:
    """`arrived` are those who could register; a word only theirs is in all they send."""

    doors: Doors
    ledger: Ledger
    mail_server: MailServer
    random: Random
    arrived: list[Uploader] = field(default_factory=list)
    _count: int = 0

    async def live(self, stopping: asyncio.Event) -> None:
        """Raises what somebody's life has raised."""
        lives: list[asyncio.Task[None]] = []
        try:
            while not stopping.is_set():
                if sum(not life.done() for life in lives) < AT_ONCE:
                    lives.append(asyncio.create_task(self._one()))
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), PACE)
            await asyncio.gather(*lives)
        finally:
            await end(lives)

    async def _one(self) -> None:
        self._count += 1
        leaves = self._count % 2 == 0
        who = f"{'leaver' if leaves else 'comer'}{self._count}x{uuid4().hex[:8]}"
        asker = Asker(self.doors, self.ledger)
        account = Account(asker, who)
        if await account.register(self.mail_server):
            person = Uploader(account, self.random)
            self.arrived.append(person)
            kept = Kept(f"{account.who}.py")
            for _ in range(20):
                request = await person.upload(kept)
                if request.outcome in ("done", "refused"):
                    break
                await asyncio.sleep(1)
            if leaves:
                await asyncio.sleep(self.random.uniform(0, 6))
                await account.erase()
