"""Records the outcomes of mails, so that no mail is sent again and none delays the others."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.claims import due_mails
from services.notifier.claims.due_mails import AcceptedMail, DueMail
from services.notifier.domain.mail import MAIL, impersonal, stream
from services.notifier.recording.mail_streams import InconsistentMail, rows_of
from services.notifier.recording.outcomes import DeliveryOutcome, accepted_outcome
from shared.clock import Clock
from shared.db import Database, sqlstate_of
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure.erased_users import erased_among
from shared.eventsourcing.store import Batch, EventStore
from shared.logging import log
from shared.messaging.error_classification import may_be_stream_fault

FIRST_PAUSE, MAX_PAUSE = 1.0, 5.0  # seconds between two tries to record


class Recorder:
    """Appends outcomes; tries again until that works, unless a mail itself is at fault."""

    def __init__(self, database: Database, store: EventStore, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock

    async def record(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        """Record all outcomes in one transaction; one by one if one of them can't be stored.

        The outcome of a mail whose claim has ended is left out, unless the server has accepted it.
        """
        failure = await self._retry(outcomes, self._append, outcomes)
        if failure is None:
            return
        if len(outcomes) > 1:
            for outcome in outcomes:
                await self.record([outcome])
        else:
            await self._record_otherwise(outcomes[0], failure)

    async def _record_otherwise(self, outcome: DeliveryOutcome, failure: Exception) -> None:
        """Postpone a mail whose outcome can't be stored.

        That the server has accepted it is recorded without its reply, or if that can't be stored,
        either, in the row of the mail, so that no copy sends it again.
        """
        _log_not_recorded(outcome.mail, failure)
        if outcome.accepted is None:
            await self._retry([outcome], due_mails.postpone, outcome.mail, self._clock())
            return
        without_reply = accepted_outcome(outcome.mail, outcome.accepted)
        without_reply = replace(without_reply, caused_by=outcome.caused_by)
        again = await self._retry([without_reply], self._append, [without_reply])
        if again is not None:
            _log_not_recorded(outcome.mail, again)
            await self._store_accepted(outcome, outcome.accepted)

    async def _store_accepted(self, outcome: DeliveryOutcome, accepted: AcceptedMail) -> None:
        values = (outcome.mail, accepted, self._clock())
        while failure := await self._retry([outcome], due_mails.store_accepted, *values):
            _log_not_recorded(outcome.mail, failure)
            await asyncio.sleep(MAX_PAUSE)

    async def _append(
        self, connection: AsyncConnection, outcomes: Sequence[DeliveryOutcome]
    ) -> None:
        await take_append_lock(connection)
        mails = [outcome.mail for outcome in outcomes]
        claimed = await due_mails.lock_claimed(connection, mails)
        erased = await erased_among(connection, {mail.user_id for mail in mails})
        rows = await rows_of(connection, self._store, [mail.mail_id for mail in mails])
        batches = []
        for outcome in outcomes:
            mail_id = outcome.mail.mail_id
            if mail_id not in claimed and outcome.accepted is None:
                _log_claim_lost(outcome.mail)
                continue
            decide = outcome.decide
            if outcome.mail.user_id in erased:
                decide = impersonal(decide)
            history = [row.event(self._store.types).event for row in rows[mail_id]]
            events = decide(MAIL.state(history))
            if not events and mail_id in claimed:
                raise InconsistentMail
            batches.append(Batch(stream(mail_id), len(history), events, outcome.caused_by))
        await self._store.append_many(connection, batches)

    async def _retry(
        self,
        outcomes: Sequence[DeliveryOutcome],
        write: Callable[..., Awaitable[None]],
        *values: Any,
    ) -> Exception | None:
        """Write until it works; returns the failure when a mail itself is at fault."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._database.transaction() as connection:
                    await write(connection, *values)
            except Exception as failure:  # noqa: BLE001 - no outcome may be lost
                if may_be_stream_fault(failure):
                    return failure
                cause = sqlstate_of(failure) or type(failure).__name__
                first = str(outcomes[0].mail.mail_id)
                log.warning("mail_record_delayed", mail_id=first, mails=len(outcomes), cause=cause)
            else:
                return None
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)


def _log_claim_lost(mail: DueMail) -> None:
    log.warning("claim_lost_after_sending", mail_id=str(mail.mail_id), attempts=mail.attempts)


def _log_not_recorded(mail: DueMail, failure: Exception) -> None:
    """Without the failure's message, which may repeat what is in the mail."""
    cause = sqlstate_of(failure) or type(failure).__name__
    log.error("mail_not_recorded", mail_id=str(mail.mail_id), cause=cause)
