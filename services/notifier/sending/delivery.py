"""Delivers a prepared mail to the mail server on the next free connection."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from services.notifier.claims.correlation import correlation_scope
from services.notifier.claims.due_mails import AcceptedMail
from services.notifier.mail.address import BadAddress
from services.notifier.mail.message import Message
from services.notifier.mail.verification import UnsafeMessage
from services.notifier.recording.outcomes import (
    DeliveryOutcome,
    accepted_outcome,
    internal_error_outcome,
    not_sent_outcome,
)
from services.notifier.sending.composing import Compose
from services.notifier.sending.preparation import Preparer, ReadyMail
from services.notifier.smtp.failures import (
    ConnectionEnded,
    PermanentFailure,
    TemporaryFailure,
    without_recipient,
)
from services.notifier.smtp.pool import ConnectionPool, MailServerUnavailable
from services.notifier.smtp.replies import Reply
from shared.clock import Clock
from shared.errors import Unavailable
from shared.logging import log


class NotAttempted(Exception):
    """Nothing was sent to the mail server: the mail is to be put back."""


@dataclass
class _Delivery:
    """A mail that waits for a connection; a later preparation may replace or end it."""

    ready: ReadyMail
    ended: list[DeliveryOutcome] | None = None
    unavailable: Unavailable | None = None  # why it could not be prepared again

    @property
    def is_stale(self) -> bool:
        return self.ended is None and self.unavailable is None and not self.ready.is_fresh


class Deliverer:
    """Delivers mails, several at a time; a mail that had to wait long is prepared once more."""

    def __init__(
        self, pool: ConnectionPool, preparer: Preparer, compose: Compose, clock: Clock
    ) -> None:
        self._pool, self._preparer = pool, preparer
        self._compose, self._clock = compose, clock
        self._waiting: dict[UUID, _Delivery] = {}
        self._prepare_lock = asyncio.Lock()

    async def deliver(self, ready: ReadyMail) -> list[DeliveryOutcome]:
        """Send a mail and return its outcome; none when the claim has ended.

        Raises:
            NotAttempted: there is no connection, or auth or the database can't be asked.
        """
        delivery = _Delivery(ready)
        with correlation_scope(ready.mail):
            try:
                return await self._deliver(delivery)
            except (MailServerUnavailable, Unavailable) as unavailable:
                raise NotAttempted from unavailable
            except TemporaryFailure as failure:
                return [self._not_sent(delivery.ready, failure)]
            except (PermanentFailure, BadAddress, UnsafeMessage) as failure:
                return [self._not_sent(delivery.ready, failure, permanent=True)]
            except Exception as error:  # noqa: BLE001 - internal errors are recorded, too
                return [internal_error_outcome(ready.mail, error, self._clock())]
            finally:
                self._waiting.pop(ready.mail.mail_id, None)

    async def _deliver(self, delivery: _Delivery) -> list[DeliveryOutcome]:
        ready = delivery.ready
        # Before a connection is acquired: a mail that can't be composed needs none.
        message = self._compose(ready.mail, ready.reader, self._clock())
        while True:
            self._waiting[ready.mail.mail_id] = delivery
            connection = await self._pool.acquire(account=ready.mail.request_id is not None)
            try:
                await self._refresh(delivery)
                if delivery.ended is not None:
                    return delivery.ended
                if self._pool.closed:
                    raise MailServerUnavailable
                if delivery.ready is not ready:
                    ready = delivery.ready
                    message = self._compose(ready.mail, ready.reader, self._clock())
                reply = await connection.send(message)
            except ConnectionEnded:
                continue
            finally:
                self._pool.release(connection)
            return [self._accepted(ready, message, reply)]

    async def _refresh(self, delivery: _Delivery) -> None:
        """Prepare the mail again unless it is fresh; it is no longer waiting then."""
        if not delivery.ready.is_fresh:
            async with self._prepare_lock:
                if delivery.is_stale:
                    await self._prepare_stale()
        del self._waiting[delivery.ready.mail.mail_id]
        if delivery.unavailable is not None:
            raise delivery.unavailable

    async def _prepare_stale(self) -> None:
        """Prepare all stale mails at once; when that fails, it fails for all of them."""
        stale = [delivery for delivery in self._waiting.values() if delivery.is_stale]
        try:
            prepared = await self._preparer.prepare([one.ready.mail for one in stale])
        except Unavailable as unavailable:
            for delivery in stale:
                delivery.unavailable = unavailable
            return
        ready = {one.mail.mail_id: one for one in prepared.ready}
        ended = {outcome.mail.mail_id: [outcome] for outcome in prepared.ended}
        for delivery in stale:
            mail_id = delivery.ready.mail.mail_id
            if mail_id in ready:
                delivery.ready = ready[mail_id]
            else:
                delivery.ended = ended.get(mail_id, [])

    def _accepted(self, ready: ReadyMail, message: Message, reply: Reply) -> DeliveryOutcome:
        log.info("mail_sent", mail_id=str(ready.mail.mail_id), attempts=ready.mail.attempts)
        accepted = AcceptedMail(message.message_id, ready.mail.attempts, self._clock())
        text = without_recipient(f"{reply.code} {reply.text}", ready.reader.email)
        return accepted_outcome(ready.mail, accepted, text)

    def _not_sent(
        self, ready: ReadyMail, failure: Exception, *, permanent: bool = False
    ) -> DeliveryOutcome:
        email, now = ready.reader.email, self._clock()
        return not_sent_outcome(ready.mail, email, failure, now, permanent=permanent)
