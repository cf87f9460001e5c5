"""Sends due mail, several at a time, and has recorded what truly became of each."""

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from services.notifier.claims import claiming, due_mails
from services.notifier.claims.claiming import Turn
from services.notifier.claims.due_mails import DueMail
from services.notifier.domain.contacts import Contacts
from services.notifier.mail.address import parse_mailbox
from services.notifier.recording.outcome_buffer import OutcomeBuffer
from services.notifier.recording.recorder import Outcome, Recorder
from services.notifier.sending.delivery import Deliverer, NotTried
from services.notifier.sending.preparation import Preparer, Ready
from services.notifier.settings import Settings
from services.notifier.smtp.connecting import connect
from services.notifier.smtp.pool import Pool
from shared.clock import Clock
from shared.coordination.copies import Copy
from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing.store import EventStore
from shared.logging import log

SOON = timedelta(seconds=5)
PATIENCE = 1.0  # seconds for which a step waits until there is room for more mails
# Seconds after the signal to stop in which what the mail server is being told may come to an end,
# and in which what came of it is recorded. Then the process has a few more before it is killed.
END, RECORDED = 10.0, 16.0


class Sender:
    """The loop over due mail. `in hand` is what was claimed here and is not yet recorded."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: EventStore,
        contacts: Contacts,
        copy: Copy,
        clock: Clock,
    ) -> None:
        self._database, self._copy, self._clock = database, copy, clock
        self._most = settings.mails_in_hand
        helo, server = parse_mailbox(settings.mail_from).domain, settings.smtp_server()
        self._pool = Pool(
            lambda: connect(server, helo), settings.mail_connections, copy.doorbell.set
        )
        self._preparer = Preparer(database, store, contacts, clock)
        self._deliverer = Deliverer(settings, self._pool, self._preparer, clock)
        self._outcomes = OutcomeBuffer(
            Recorder(database, store, clock), (self._most + 1) // 2, self._recorded
        )
        self._turn, self._stopped = Turn(), 0.0
        self._in_hand: dict[UUID, DueMail] = {}
        self._room, self._seats = asyncio.Event(), set[asyncio.Task[None]]()

    async def step(self) -> bool:
        """Take as many due mails in hand as there is room for; False when none is due.

        They are sent meanwhile. While nobody answers at the mail server none is taken.
        """
        if not self._copy.is_present or (self._pool.away and not await self._server_is_back()):
            return False
        mails = await self._claim()
        if mails:
            await self._prepare(mails)
        return bool(mails) or len(self._in_hand) >= self._most

    def stop(self) -> None:
        """Begin no further conversation: put back what the mail server was not told of."""
        self._stopped = self._stopped or time.monotonic()
        self._pool.stop()

    async def close(self) -> None:
        """Let what the mail server is being told come to an end, and record it."""
        self.stop()
        await self._pool.close()
        if self._seats:
            await asyncio.wait(self._seats, timeout=self._left(END))
        for seat in self._seats:
            seat.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._left(RECORDED)):
                await asyncio.gather(*self._seats, return_exceptions=True)
                await self._outcomes.recorded()

    def _left(self, seconds: float) -> float:
        return max(0.0, self._stopped + seconds - time.monotonic())

    async def _server_is_back(self) -> bool:
        async with self._database.transaction() as connection:
            anything_due = await claiming.anything_due(connection, self._clock(), self._in_hand)
        if not anything_due:
            self._pool.rest()
        return anything_due and await self._pool.is_back()

    async def _claim(self) -> Sequence[DueMail]:
        if len(self._in_hand) > self._most // 2:
            self._room.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._room.wait()
        free = self._most - len(self._in_hand)
        if not free:
            return []
        async with self._database.transaction() as connection:
            mails = await claiming.claim(
                connection,
                self._copy.number,
                self._clock(),
                free,
                turn=self._turn,
                in_hand=self._in_hand,
            )
        if mails:
            self._turn = self._turn.after(mails)
        self._in_hand |= {mail.mail_id: mail for mail in mails}
        return mails

    async def _prepare(self, mails: Sequence[DueMail]) -> None:
        ended = self._preparer.ended(mails)
        self._outcomes.add(ended)  # never put back: what was taken is not to be suppressed
        asked = _others(mails, [said.mail for said in ended])
        try:
            prepared = await self._preparer.prepare(asked)
        except BaseException:
            await self._put_back(asked, SOON)
            raise
        known = [said.mail for said in prepared.settled]
        known += [ready.mail for ready in prepared.ready]
        self._let_go(_others(asked, known))
        self._outcomes.add(prepared.settled)
        for ready in prepared.ready:
            seat = asyncio.create_task(self._deliver(ready))
            self._seats.add(seat)
            seat.add_done_callback(self._leave)
        if not self._seats:
            self._outcomes.no_more_to_come()

    async def _deliver(self, ready: Ready) -> None:
        mail = ready.mail
        try:
            outcomes = await self._deliverer.deliver(ready)
        except NotTried as why:
            is_elsewhere = isinstance(why.__cause__, Unavailable)
            await self._put_back([mail], SOON if is_elsewhere else timedelta())
        except asyncio.CancelledError:
            self._let_go([mail])
            raise
        else:
            if not outcomes:
                self._let_go([mail])
            self._outcomes.add(outcomes)

    async def _put_back(self, mails: Sequence[DueMail], later: timedelta) -> None:
        """What can't be put back now is due again with the next claim, some seconds later."""
        try:
            async with self._database.transaction() as connection:
                await due_mails.put_back(connection, mails, self._clock() + later)
        except Exception as failure:  # noqa: BLE001 - another failure has led to this
            log.warning("mails_not_put_back", mails=len(mails), cause=type(failure).__name__)
        finally:
            self._let_go(mails)

    def _recorded(self, outcomes: Collection[Outcome]) -> None:
        self._let_go([said.mail for said in outcomes])
        if any(said.taken is None for said in outcomes):  # some may be due again at once
            self._copy.doorbell.set()

    def _leave(self, seat: asyncio.Task[None]) -> None:
        self._seats.discard(seat)
        if not self._seats:
            self._outcomes.no_more_to_come()

    def _let_go(self, mails: Collection[DueMail]) -> None:
        for mail in mails:
            if self._in_hand.get(mail.mail_id) is mail:  # else it was claimed anew meanwhile
                del self._in_hand[mail.mail_id]
        if len(self._in_hand) <= self._most // 2:
            self._room.set()


def _others(mails: Sequence[DueMail], but: Collection[DueMail]) -> list[DueMail]:
    left_out = {mail.mail_id for mail in but}
    return [mail for mail in mails if mail.mail_id not in left_out]
