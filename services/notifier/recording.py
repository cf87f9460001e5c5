"""Records what became of a mail, and sees to it that none is sent again, or keeps up the others."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier import due
from services.notifier.domain.mail import MAIL, Attempt, Decide, impersonal, sent, stream
from services.notifier.due import DueMail, Taken
from shared.clock import Clock
from shared.db import Database, sqlstate_of
from shared.eventsourcing.erasure import is_erased
from shared.eventsourcing.execute import execute
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.store import EventStore
from shared.logging import log
from shared.messaging.judgement import stream_may_be_to_blame

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 5.0  # seconds between two tries to record


class Undecidable(Exception):
    """The mail's stream and its row contradict each other: nothing can be said about the mail."""


class Recorder:
    """Says what happened to mails; patiently while it is not the mail's own fault."""

    def __init__(self, database: Database, store: EventStore, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock

    async def may_be_sent(self, mail: DueMail) -> bool:
        """False for a copy that was frozen meanwhile and has lost its claim.

        Raises:
            UnreadableRowError, Undecidable: what becomes of the mail could not be recorded.
        """
        async with self._database.transaction() as connection:
            if not await due.hold(connection, mail):
                _lost(mail)
                return False
            history = await self._store.load(connection, stream(mail.mail_id))
        state = MAIL.state(recorded.event for recorded in history)
        if state.mail_id is None or state.closed or history[-1].version != len(history):
            raise Undecidable
        return True

    async def record(self, mail: DueMail, decide: Decide) -> None:
        """Say what happened. If it can't be kept, the mail waits, and others pass.

        Whoever has lost the claim says nothing.
        """
        failure = await self._patiently(mail, self._append, mail, decide)
        if failure is not None:
            _tell(mail, failure)
            await self._patiently(mail, due.put_off, mail, self._clock())

    async def record_taken(self, mail: DueMail, taken: Taken, reply: str = "") -> None:
        """Say that the server has taken the mail, if need be without its reply; with no claim, too.

        What can't be recorded is noted beside the mail, which others pass and nobody sends again.
        """
        attempt = Attempt(taken.attempts, mail.queued_at, taken.sent_at)
        for words in dict.fromkeys((reply, "")):
            decide = partial(sent, attempt=attempt, message_id=taken.message_id, reply=words)
            failure = await self._patiently(mail, self._append, mail, decide, taken=True)
            if failure is None:
                return
            _tell(mail, failure)
        values = (mail, taken, self._clock())
        while failure := await self._patiently(mail, due.note_taken, *values):
            _tell(mail, failure)
            await asyncio.sleep(LONGEST_PAUSE)

    async def _append(
        self, connection: AsyncConnection, mail: DueMail, decide: Decide, *, taken: bool = False
    ) -> None:
        await take_append_lock(connection)
        if not taken and not await due.hold(connection, mail):
            return _lost(mail)
        told = impersonal(decide) if await is_erased(connection, mail.user_id) else decide
        recorded = await execute(connection, self._store, MAIL, stream(mail.mail_id), told)
        if not recorded and await due.hold(connection, mail):
            raise Undecidable
        return None

    async def _patiently(
        self, mail: DueMail, write: Callable[..., Awaitable[None]], *values: Any, **named: bool
    ) -> Exception | None:
        """Write until it works; returns the failure when the mail itself is at fault."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._database.transaction() as connection:
                    await write(connection, *values, **named)
            except Exception as failure:  # noqa: BLE001 - nothing may be forgotten
                if stream_may_be_to_blame(failure):
                    return failure
                cause = sqlstate_of(failure) or type(failure).__name__
                log.warning("mail_record_waits", mail_id=str(mail.mail_id), cause=cause)
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
