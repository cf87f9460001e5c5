"""The loop over due mail: claims mails, has them delivered, and has the outcomes recorded."""

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from services.notifier.claims import claiming, due_mails
from services.notifier.claims.claiming import LastServed
from services.notifier.claims.due_mails import DueMail
from services.notifier.recording.outcome_buffer import OutcomeBuffer
from services.notifier.recording.outcomes import DeliveryOutcome
from services.notifier.sending.delivery import Deliverer, NotAttempted
from services.notifier.sending.preparation import Preparer, ReadyMail
from services.notifier.smtp.pool import ConnectionPool
from shared.clock import Clock
from shared.coordination.copies import Copy
from shared.db import Database
from shared.errors import Unavailable
from shared.logging import log

# Where auth can't be asked: one call a second for all mails in hand, so that they leave soon after
# it is back.
RETRY_AFTER = timedelta(seconds=1)
CAPACITY_TIMEOUT = 1.0  # seconds for which a step waits until more mails can be claimed
# Seconds after the signal to stop in which deliveries under way may end, and in which their
# outcomes are recorded. Then the process has a few more before it is killed.
DELIVERY_GRACE, RECORDING_GRACE = 10.0, 16.0


class Sender:
    """Has up to `max_in_hand` mails in hand: claimed by this copy, and not yet recorded."""

    def __init__(
        self,
        database: Database,
        copy: Copy,
        pool: ConnectionPool,
        preparer: Preparer,
        deliverer: Deliverer,
        outcomes: OutcomeBuffer,
        clock: Clock,
        *,
        max_in_hand: int,
    ) -> None:
        self._database, self._copy, self._clock = database, copy, clock
        self._pool, self._preparer, self._deliverer = pool, preparer, deliverer
        self._outcomes, self._max_in_hand = outcomes, max_in_hand
        outcomes.on_recorded = self._on_recorded
        self._last_served, self._stopped_at = LastServed(), 0.0
        self._in_hand: dict[UUID, DueMail] = {}
        self._has_capacity, self._deliveries = asyncio.Event(), set[asyncio.Task[None]]()

    async def step(self) -> bool:
        """Claim as many due mails as there is capacity for; False when none is due.

        They are delivered in the background. While the mail server is unavailable none is claimed.
        """
        if not self._copy.is_present or (self._pool.unavailable and not await self._probe()):
            return False
        mails = await self._claim()
        if mails:
            await self._prepare(mails)
        return bool(mails) or len(self._in_hand) >= self._max_in_hand

    def stop(self) -> None:
        """Begin no further delivery: mails that were not attempted are put back."""
        self._stopped_at = self._stopped_at or time.monotonic()
        self._pool.stop()

    async def close(self) -> None:
        """Let deliveries under way end, and record their outcomes."""
        self.stop()
        await self._pool.close()
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=self._grace_left(DELIVERY_GRACE))
        for delivery in self._deliveries:
            delivery.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_left(RECORDING_GRACE)):
                await asyncio.gather(*self._deliveries, return_exceptions=True)
                await self._outcomes.wait_until_recorded()

    def _grace_left(self, seconds: float) -> float:
        return max(0.0, self._stopped_at + seconds - time.monotonic())

    async def _probe(self) -> bool:
        """Whether the mail server is available again; only tried while mails are due."""
        async with self._database.transaction() as connection:
            is_any_due = await claiming.is_any_due(connection, self._clock(), self._in_hand)
        if not is_any_due:
            self._pool.stop_probing()
        return is_any_due and await self._pool.probe()

    async def _claim(self) -> Sequence[DueMail]:
        if len(self._in_hand) > self._max_in_hand // 2:
            self._has_capacity.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(CAPACITY_TIMEOUT):
                    await self._has_capacity.wait()
        capacity = self._max_in_hand - len(self._in_hand)
        if not capacity:
            return []
        async with self._database.transaction() as connection:
            mails = await claiming.claim(
                connection,
                self._copy.number,
                self._clock(),
                capacity,
                last_served=self._last_served,
                in_hand=self._in_hand,
            )
        if mails:
            self._last_served = self._last_served.after(mails)
        self._in_hand |= {mail.mail_id: mail for mail in mails}
        return mails

    async def _prepare(self, mails: Sequence[DueMail]) -> None:
        ended = self._preparer.already_ended(mails)
        self._outcomes.add(ended)  # never put back: an accepted mail must not be suppressed
        others = _without(mails, [outcome.mail for outcome in ended])
        try:
            prepared = await self._preparer.prepare(others)
        except BaseException:
            await self._put_back(others, RETRY_AFTER)
            raise
        kept = [outcome.mail for outcome in prepared.ended]
        kept += [ready.mail for ready in prepared.ready]
        self._remove(_without(others, kept))
        self._outcomes.add(prepared.ended)
        for ready in prepared.ready:
            delivery = asyncio.create_task(self._deliver(ready))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._on_delivered)
        if not self._deliveries:
            self._outcomes.flush()

    async def _deliver(self, ready: ReadyMail) -> None:
        mail = ready.mail
        try:
            outcomes = await self._deliverer.deliver(ready)
        except NotAttempted as why:
            is_other_service = isinstance(why.__cause__, Unavailable)
            await self._put_back([mail], RETRY_AFTER if is_other_service else timedelta())
        except asyncio.CancelledError:
            self._remove([mail])
            raise
        else:
            if not outcomes:
                self._remove([mail])
            self._outcomes.add(outcomes)

    async def _put_back(self, mails: Sequence[DueMail], delay: timedelta) -> None:
        """Mails that can't be put back now are due some seconds after the next claim."""
        try:
            async with self._database.transaction() as connection:
                await due_mails.put_back(connection, mails, self._clock() + delay)
        except Exception as failure:  # noqa: BLE001 - another failure has led to this
            log.warning("mails_not_put_back", mails=len(mails), cause=type(failure).__name__)
        finally:
            self._remove(mails)

    def _on_recorded(self, outcomes: Collection[DeliveryOutcome]) -> None:
        self._remove([outcome.mail for outcome in outcomes])
        if any(outcome.accepted is None for outcome in outcomes):  # some may be due again at once
            self._copy.doorbell.set()

    def _on_delivered(self, delivery: asyncio.Task[None]) -> None:
        self._deliveries.discard(delivery)
        if not self._deliveries:
            self._outcomes.flush()

    def _remove(self, mails: Collection[DueMail]) -> None:
        for mail in mails:
            if self._in_hand.get(mail.mail_id) is mail:  # else it was claimed again meanwhile
                del self._in_hand[mail.mail_id]
        if len(self._in_hand) <= self._max_in_hand // 2:
            self._has_capacity.set()


def _without(mails: Sequence[DueMail], others: Collection[DueMail]) -> list[DueMail]:
    left_out = {mail.mail_id for mail in others}
    return [mail for mail in mails if mail.mail_id not in left_out]
