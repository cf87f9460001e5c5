"""Hands a prepared mail over to the mail server on the next connection that is free."""

import asyncio
from uuid import UUID

from services.notifier.cause import working_for
from services.notifier.conversation import Connection
from services.notifier.due import Taken
from services.notifier.failing import broken, not_sent
from services.notifier.mail.address import BadAddress
from services.notifier.mail.message import Message
from services.notifier.mail.proof import UnsafeMessage
from services.notifier.pool import Pool, ServerAway
from services.notifier.preparing import Preparer, Ready
from services.notifier.recording import Outcome, outcome_taken
from services.notifier.replies import Reply
from services.notifier.settings import Settings
from services.notifier.smtp_failures import (
    ConnectionEnded,
    PermanentFailure,
    TemporaryFailure,
    without_recipient,
)
from services.notifier.writing import write
from shared.clock import Clock
from shared.errors import Unavailable
from shared.logging import log


class NotTried(Exception):
    """The mail server was told nothing of the mail: it is to be put back."""


class Deliverer:
    """What is done in a seat."""

    def __init__(self, settings: Settings, pool: Pool, preparer: Preparer, clock: Clock) -> None:
        self._settings, self._pool = settings, pool
        self._preparer, self._clock = preparer, clock
        self._waiting: dict[UUID, Ready] = {}
        self._known: dict[UUID, Ready | list[Outcome]] = {}  # of mails that were asked about again
        self._asking = asyncio.Lock()

    async def deliver(self, ready: Ready) -> list[Outcome]:
        """Send a mail, and tell what came of it; nothing when it is no longer ours.

        Raises:
            NotTried: no connection was to be had, or auth or the database could not be asked.
        """
        with working_for(ready.mail):
            try:
                return await self._deliver(ready)
            except (ServerAway, Unavailable) as away:
                raise NotTried from away
            except TemporaryFailure as failure:
                return [self._not_sent(ready, failure)]
            except (PermanentFailure, BadAddress, UnsafeMessage) as failure:
                return [self._not_sent(ready, failure, permanent=True)]
            except Exception as failure:  # noqa: BLE001 - a fault of ours must end in the log, too
                return [broken(ready.mail, failure, self._clock())]
            finally:
                self._known.pop(ready.mail.mail_id, None)

    async def _deliver(self, ready: Ready) -> list[Outcome]:
        message = self._write(ready)  # what is not fit to be sent costs no connection
        while True:
            connection = await self._waiting_for_turn(ready)
            try:
                if not ready.fresh:
                    again = await self._ask_again(ready)
                    if not isinstance(again, Ready):
                        return again
                    ready, message = again, self._write(again)
                reply = await connection.send(message)
            except ConnectionEnded:
                continue
            finally:
                self._pool.give_back(connection)
            return [self._sent(ready, message, reply)]

    async def _waiting_for_turn(self, ready: Ready) -> Connection:
        self._waiting[ready.mail.mail_id] = ready
        try:
            return await self._pool.take()
        finally:
            self._waiting.pop(ready.mail.mail_id, None)

    async def _ask_again(self, ready: Ready) -> Ready | list[Outcome]:
        """Prepare a mail that had to wait once more, and with it all that still wait."""
        async with self._asking:
            known = self._known.pop(ready.mail.mail_id, None)
            if isinstance(known, list) or (known is not None and known.fresh):
                return known
            mails = {ready.mail.mail_id: ready.mail} | {
                mail_id: one.mail for mail_id, one in self._waiting.items() if not one.fresh
            }
            prepared = await self._preparer.prepare(list(mails.values()))
            self._known |= {mail_id: [] for mail_id in mails}
            self._known |= {one.mail.mail_id: one for one in prepared.ready}
            self._known |= {said.mail.mail_id: [said] for said in prepared.settled}
            return self._known.pop(ready.mail.mail_id)

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
