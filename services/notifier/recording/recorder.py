"""Records what became of mails, and sees to it that none is sent again, or keeps up the others."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.claims import due_mails
from services.notifier.claims.due_mails import DueMail, Taken
from services.notifier.domain.mail import MAIL, Attempt, Decide, impersonal, sent, stream
from services.notifier.recording.mail_streams import rows_of
from shared import telemetry
from shared.clock import Clock
from shared.db import Database, sqlstate_of
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure.erased_users import erased_among
from shared.eventsourcing.event import Metadata
from shared.eventsourcing.store import Batch, EventStore
from shared.logging import log
from shared.messaging.error_classification import may_be_stream_fault

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 5.0  # seconds between two tries to record


class Undecidable(Exception):
    """A mail's stream and its row contradict each other: nothing can be said about the mail."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mail. With `taken` the server has it, and said `reply`."""

    mail: DueMail
    decide: Decide
    caused_by: Metadata
    taken: Taken | None = None


def outcome(mail: DueMail, decide: Decide) -> Outcome:
    """Something other than that the server took the mail."""
    return Outcome(mail, decide, _because(mail))


def outcome_taken(mail: DueMail, taken: Taken, reply: str = "") -> Outcome:
    """That the server has taken the mail, which is recorded with no claim, too."""
    attempt = Attempt(taken.attempts, mail.queued_at, taken.sent_at)
    decide = partial(sent, attempt=attempt, message_id=taken.message_id, reply=reply)
    return Outcome(mail, decide, _because(mail), taken)


def _because(mail: DueMail) -> Metadata:
    return Metadata(
        correlation_id=mail.correlation_id,
        causation_id=mail.causation_id,
        traceparent=telemetry.traceparent(),
    )


class Recorder:
    """Says what happened to mails; patiently while it is not a mail's own fault."""

    def __init__(self, database: Database, store: EventStore, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Say what happened, in one transaction; one by one if one of them can't be kept.

        Whoever has lost the claim of a mail says nothing, unless the server has taken it.
        """
        failure = await self._patiently(outcomes, self._append, outcomes)
        if failure is None:
            return
        if len(outcomes) > 1:
            for one in outcomes:
                await self.record([one])
        else:
            await self._record_otherwise(outcomes[0], failure)

    async def _record_otherwise(self, said: Outcome, failure: Exception) -> None:
        """What can't be kept waits, and others pass.

        What the server has taken is said without its words, or if that can't be kept, either, noted
        beside the mail, which nobody sends again.
        """
        _tell(said.mail, failure)
        if said.taken is None:
            await self._patiently([said], due_mails.put_off, said.mail, self._clock())
            return
        silent = replace(outcome_taken(said.mail, said.taken), caused_by=said.caused_by)
        again = await self._patiently([silent], self._append, [silent])
        if again is not None:
            _tell(said.mail, again)
            await self._note_taken(said, said.taken)

    async def _note_taken(self, said: Outcome, taken: Taken) -> None:
        values = (said.mail, taken, self._clock())
        while failure := await self._patiently([said], due_mails.note_taken, *values):
            _tell(said.mail, failure)
            await asyncio.sleep(LONGEST_PAUSE)

    async def _append(self, connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
        await take_append_lock(connection)
        mails = [said.mail for said in outcomes]
        ours = await due_mails.hold(connection, mails)
        erased = await erased_among(connection, {mail.user_id for mail in mails})
        rows = await rows_of(connection, self._store, [mail.mail_id for mail in mails])
        batches = []
        for said in outcomes:
            mail_id, forgotten = said.mail.mail_id, said.mail.user_id in erased
            if mail_id not in ours and said.taken is None:
                _lost(said.mail)
                continue
            decide = impersonal(said.decide) if forgotten else said.decide
            history = [row.event(self._store.types).event for row in rows[mail_id]]
            events = decide(MAIL.state(history))
            if not events and mail_id in ours:
                raise Undecidable
            batches.append(Batch(stream(mail_id), len(history), events, said.caused_by))
        await self._store.append_many(connection, batches)

    async def _patiently(
        self,
        outcomes: Sequence[Outcome],
        write: Callable[..., Awaitable[None]],
        *values: Any,
    ) -> Exception | None:
        """Write until it works; returns the failure when a mail itself is at fault."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._database.transaction() as connection:
                    await write(connection, *values)
            except Exception as failure:  # noqa: BLE001 - nothing may be forgotten
                if may_be_stream_fault(failure):
                    return failure
                cause = sqlstate_of(failure) or type(failure).__name__
                first = str(outcomes[0].mail.mail_id)
                log.warning("mail_record_waits", mail_id=first, mails=len(outcomes), cause=cause)
            else:
                return None
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _lost(mail: DueMail) -> None:
    log.warning("claim_lost", mail_id=str(mail.mail_id), attempts=mail.attempts)


def _tell(mail: DueMail, failure: Exception) -> None:
    """Without the failure's text, which may repeat what is in the mail."""
    cause = sqlstate_of(failure) or type(failure).__name__
    log.error("mail_not_recorded", mail_id=str(mail.mail_id), cause=cause)
