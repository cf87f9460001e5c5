"""Hands a prepared mail over to the mail server on the next connection that is free."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from services.notifier.claims.correlation import correlation_scope
from services.notifier.claims.due_mails import Taken
from services.notifier.mail.address import BadAddress
from services.notifier.mail.message import Message
from services.notifier.mail.proof import UnsafeMessage
from services.notifier.recording.failed_outcomes import broken, not_sent
from services.notifier.recording.recorder import Outcome, outcome_taken
from services.notifier.sending.composing import write
from services.notifier.sending.preparation import Preparer, Ready
from services.notifier.settings import Settings
from services.notifier.smtp.failures import (
    ConnectionEnded,
    PermanentFailure,
    TemporaryFailure,
    without_recipient,
)
from services.notifier.smtp.pool import Pool, ServerAway
from services.notifier.smtp.replies import Reply
from shared.clock import Clock
from shared.errors import Unavailable
from shared.logging import log


class NotTried(Exception):
    """The mail server was told nothing of the mail: it is to be put back."""


@dataclass
class _Delivery:
    """A mail on its way: what was last found out about it, and what it ended with meanwhile."""

    ready: Ready
    end: list[Outcome] | None = None
    away: Unavailable | None = None  # why nobody could be asked

    @property
    def waits(self) -> bool:
        """Whether it is not known what is true now."""
        return self.end is None and self.away is None and not self.ready.fresh


class Deliverer:
    """What is done in a seat."""

    def __init__(self, settings: Settings, pool: Pool, preparer: Preparer, clock: Clock) -> None:
        self._settings, self._pool = settings, pool
        self._preparer, self._clock = preparer, clock
        self._waiting: dict[UUID, _Delivery] = {}
        self._asking = asyncio.Lock()

    async def deliver(self, ready: Ready) -> list[Outcome]:
        """Send a mail, and tell what came of it; nothing when it is no longer ours.

        Raises:
            NotTried: no connection was to be had, or auth or the database could not be asked.
        """
        one = _Delivery(ready)
        with correlation_scope(ready.mail):
            try:
                return await self._deliver(one)
            except (ServerAway, Unavailable) as away:
                raise NotTried from away
            except TemporaryFailure as failure:
                return [self._not_sent(one.ready, failure)]
            except (PermanentFailure, BadAddress, UnsafeMessage) as failure:
                return [self._not_sent(one.ready, failure, permanent=True)]
            except Exception as failure:  # noqa: BLE001 - a fault of ours must end in the log, too
                return [broken(ready.mail, failure, self._clock())]
            finally:
                self._waiting.pop(ready.mail.mail_id, None)

    async def _deliver(self, one: _Delivery) -> list[Outcome]:
        written = one.ready
        message = self._write(written)  # what is not fit to be sent costs no connection
        while True:
            self._waiting[written.mail.mail_id] = one
            connection = await self._pool.take(account=written.mail.request_id is not None)
            try:
                await self._find_out_again(one)
                if one.end is not None:
                    return one.end
                if self._pool.closed:
                    raise ServerAway
                if one.ready is not written:
                    written, message = one.ready, self._write(one.ready)
                reply = await connection.send(message)
            except ConnectionEnded:
                continue
            finally:
                self._pool.give_back(connection)
            return [self._sent(written, message, reply)]

    async def _find_out_again(self, one: _Delivery) -> None:
        """Unless it is known what is true now; then the mail waits no more."""
        if not one.ready.fresh:
            async with self._asking:
                if one.waits:
                    await self._ask_again()
        del self._waiting[one.ready.mail.mail_id]
        if one.away is not None:
            raise one.away

    async def _ask_again(self) -> None:
        """Prepare once more all that had to wait; when that can't be done, none waits for it."""
        asked = [one for one in self._waiting.values() if one.waits]
        try:
            prepared = await self._preparer.prepare([one.ready.mail for one in asked])
        except Unavailable as away:
            for one in asked:
                one.away = away
            return
        ready = {one.mail.mail_id: one for one in prepared.ready}
        ended = {said.mail.mail_id: [said] for said in prepared.settled}
        for one in asked:
            mail_id = one.ready.mail.mail_id
            if mail_id in ready:
                one.ready = ready[mail_id]
            else:
                one.end = ended.get(mail_id, [])

    def _write(self, ready: Ready) -> Message:
        return write(ready.mail, ready.reader, self._settings, self._clock())

    def _sent(self, ready: Ready, message: Message, reply: Reply) -> Outcome:
        log.info("mail_sent", mail_id=str(ready.mail.mail_id), attempts=ready.mail.attempts)
        taken = Taken(message.message_id, ready.mail.attempts, self._clock())
        words = without_recipient(f"{reply.code} {reply.text}", ready.reader.email)
        return outcome_taken(ready.mail, taken, words)

    def _not_sent(self, ready: Ready, failure: Exception, *, permanent: bool = False) -> Outcome:
        email, now = ready.reader.email, self._clock()
        return not_sent(ready.mail, email, failure, now, permanent=permanent)
