"""Sends due mail, one after the other, and has recorded what truly became of it."""

from datetime import timedelta
from functools import partial
from traceback import format_tb

from services.notifier import due, people
from services.notifier.adapters.contacts import Contacts
from services.notifier.cause import working_for
from services.notifier.domain.mail import (
    Attempt,
    Decide,
    Suppression,
    failed,
    suppressed,
)
from services.notifier.domain.reader import AccountMail, Contact
from services.notifier.due import DueMail, Taken
from services.notifier.mail.address import BadAddress
from services.notifier.mail.message import UnsafeMessage
from services.notifier.recording import Recorder
from services.notifier.settings import Settings
from services.notifier.smtp import deliver
from services.notifier.smtp_failures import (
    PermanentFailure,
    TemporaryFailure,
    without_recipient,
)
from services.notifier.writing import write
from shared.clock import Clock
from shared.copies import Copy
from shared.db import Database
from shared.errors import NotFound
from shared.eventsourcing.store import EventStore
from shared.logging import log
from shared.messaging.judgement import stream_may_be_to_blame

Reader = Contact | AccountMail
OUR_FAULT = "something went wrong on our side"


class Sender:
    """The loop over due mail."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: EventStore,
        contacts: Contacts,
        copy: Copy,
        clock: Clock,
    ) -> None:
        self._settings, self._database, self._store = settings, database, store
        self._contacts, self._copy, self._clock = contacts, copy, clock
        self._last_person, self._last_was_result = due.NOBODY, True
        self._recorder = Recorder(database, store, clock)
        self._server = settings.smtp_server()

    async def step(self) -> bool:
        """Send one mail; False when none is due. After one about an account a result has its turn.

        However many mails about accounts there are, and however long each takes, results leave.
        """
        if not self._copy.present:
            return False
        async with self._database.transaction() as connection:
            mail = await due.claim(
                connection,
                self._copy.number,
                self._clock(),
                self._last_person,
                results_first=not self._last_was_result,
            )
        if mail is None:
            return False
        self._last_was_result = mail.request_id is None
        if self._last_was_result:
            self._last_person = mail.user_id
        with working_for(mail):
            await self._handle(mail)
        return True

    async def _handle(self, mail: DueMail) -> None:
        if mail.taken is not None:
            return await self._recorder.record_taken(mail, mail.taken)
        if mail.deaths >= due.GIVEN_UP:
            attempt = self._now(mail)
            return await self._recorder.record(
                mail, partial(failed, attempt=attempt, reason=OUR_FAULT, permanent=True)
            )
        try:
            reader = await self._whom_to_send(mail)
        except Exception as failure:
            if stream_may_be_to_blame(failure):
                return await self._recorder.record(mail, self._broken(mail, failure))
            async with self._database.transaction() as connection:
                await due.put_back(connection, mail, self._clock() + timedelta(seconds=5))
            raise
        return None if reader is None else await self._send(mail, reader)

    async def _whom_to_send(self, mail: DueMail) -> Reader | None:
        """All that can go wrong before the mail server is told anything; None: don't send."""
        try:
            reader = await self._reader(mail)
        except NotFound:
            await self._recorder.record(mail, partial(suppressed, reason=_unwanted(mail)))
            return None
        if isinstance(reader, Contact) and not reader.confirmed:
            async with self._database.transaction() as connection:
                await people.hold_back(connection, self._store, mail, self._clock())
            return None
        return reader if await self._recorder.may_be_sent(mail) else None

    async def _reader(self, mail: DueMail) -> Reader:
        if mail.request_id is None:
            return await self._contacts.find(mail.user_id)
        return await self._contacts.account_mail(mail.request_id)

    async def _send(self, mail: DueMail, reader: Reader) -> None:
        try:
            message = write(mail, reader, self._settings, self._clock())
            reply = await deliver(self._server, message, reader.email)
        except TemporaryFailure as failure:
            decide = self._failed(mail, reader, failure, permanent=False)
        except (PermanentFailure, BadAddress, UnsafeMessage) as failure:
            decide = self._failed(mail, reader, failure, permanent=True)
        except Exception as failure:  # noqa: BLE001 - a fault of ours must end in the log, too
            decide = self._broken(mail, failure)
        else:
            log.info("mail_sent", mail_id=str(mail.mail_id), attempts=mail.attempts)
            taken = Taken(str(message["Message-ID"]), mail.attempts, self._clock())
            words = without_recipient(f"{reply.code} {reply.text}", reader.email)
            return await self._recorder.record_taken(mail, taken, words)
        return await self._recorder.record(mail, decide)

    def _failed(
        self, mail: DueMail, reader: Reader, failure: Exception, *, permanent: bool
    ) -> Decide:
        log.warning(
            "mail_not_sent",
            mail_id=str(mail.mail_id),
            attempts=mail.attempts,
            permanent=permanent,
            ambiguous=getattr(failure, "ambiguous", False),
            cause=type(failure.__cause__ or failure).__name__,
        )
        reason = without_recipient(str(failure), reader.email)
        return partial(failed, attempt=self._now(mail), reason=reason, permanent=permanent)

    def _broken(self, mail: DueMail, failure: Exception) -> Decide:
        """Say where a fault of ours lies, not what it says: that may repeat what is in the mail."""
        log.error(
            "mail_broken",
            mail_id=str(mail.mail_id),
            attempts=mail.attempts,
            cause=type(failure).__name__,
            trace="".join(format_tb(failure.__traceback__)),
        )
        return partial(failed, attempt=self._now(mail), reason=OUR_FAULT, permanent=False)

    def _now(self, mail: DueMail) -> Attempt:
        return Attempt(mail.attempts, mail.queued_at, self._clock())


def _unwanted(mail: DueMail) -> Suppression:
    return "user_unknown" if mail.request_id is None else "expired"
