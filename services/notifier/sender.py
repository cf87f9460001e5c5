"""Sends due mail, one after the other, and records what truly became of it."""

import asyncio
from datetime import timedelta
from functools import partial
from traceback import format_tb

from services.notifier import due, people
from services.notifier.adapters.contacts import Contacts
from services.notifier.cause import working_for
from services.notifier.domain.mail import (
    MAIL,
    Attempt,
    Decide,
    Suppression,
    failed,
    impersonal,
    sent,
    stream,
    suppressed,
)
from services.notifier.domain.reader import AccountMail, Contact
from services.notifier.due import DueMail
from services.notifier.mail.address import BadAddress
from services.notifier.mail.message import UnsafeMessage
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
from shared.db import Database, DatabaseAway
from shared.errors import NotFound, Unavailable
from shared.eventsourcing.erasure import is_erased
from shared.eventsourcing.execute import execute
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.store import EventStore
from shared.logging import log

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
        self._last_person = due.NOBODY
        self._server = settings.smtp_server()

    async def step(self) -> bool:
        """Send one mail; False when none is due."""
        if not self._copy.present:
            return False
        async with self._database.transaction() as connection:
            mail = await due.claim(connection, self._copy.number, self._clock(), self._last_person)
        if mail is None:
            return False
        if mail.request_id is None:
            self._last_person = mail.user_id
        with working_for(mail):
            await self._handle(mail)
        return True

    async def _handle(self, mail: DueMail) -> None:
        if mail.deaths >= due.GIVEN_UP:
            attempt = self._now(mail)
            return await self._record(
                mail, partial(failed, attempt=attempt, reason=OUR_FAULT, permanent=True)
            )
        try:
            reader = await self._reader(mail)
        except NotFound:
            return await self._record(mail, partial(suppressed, reason=_unwanted(mail)))
        except Unavailable:
            async with self._database.transaction() as connection:
                await due.put_back(connection, mail, self._clock() + timedelta(seconds=5))
            raise
        if isinstance(reader, Contact) and not reader.confirmed:
            async with self._database.transaction() as connection:
                return await people.hold_back(connection, self._store, mail, self._clock())
        if not await self._still_ours(mail):
            log.warning("claim_lost", mail_id=str(mail.mail_id), attempts=mail.attempts)
            return None
        taken, decide = await self._attempt(mail, reader)
        return await self._record(mail, decide, taken=taken)

    async def _reader(self, mail: DueMail) -> Contact | AccountMail:
        if mail.request_id is None:
            return await self._contacts.find(mail.user_id)
        return await self._contacts.account_mail(mail.request_id)

    async def _still_ours(self, mail: DueMail) -> bool:
        """False for a copy that was frozen while it asked auth. Who can't find out goes on."""
        try:
            async with self._database.transaction() as connection:
                return await due.hold(connection, mail)
        except DatabaseAway:
            return True

    async def _attempt(self, mail: DueMail, reader: Contact | AccountMail) -> tuple[bool, Decide]:
        """Try to send; return whether the server has taken it, and what to say."""
        try:
            message = write(mail, reader, self._settings, self._clock())
            reply = await deliver(self._server, message, reader.email)
        except TemporaryFailure as failure:
            return False, self._failed(mail, reader, failure, permanent=False)
        except (PermanentFailure, BadAddress, UnsafeMessage) as failure:
            return False, self._failed(mail, reader, failure, permanent=True)
        except Exception as failure:  # noqa: BLE001 - a fault of ours must end in the log, too
            return False, self._broken(mail, failure)
        log.info("mail_sent", mail_id=str(mail.mail_id), attempts=mail.attempts)
        return True, partial(
            sent,
            attempt=self._now(mail),
            message_id=str(message["Message-ID"]),
            reply=without_recipient(f"{reply.code} {reply.text}", reader.email),
        )

    def _failed(
        self, mail: DueMail, reader: Contact | AccountMail, failure: Exception, *, permanent: bool
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

    async def _record(self, mail: DueMail, decide: Decide, *, taken: bool = False) -> None:
        """Say what happened; patiently, for a mail that was sent must not be forgotten.

        Whoever has lost the claim says only that the server has `taken` the mail.
        """
        while True:
            try:
                async with self._database.transaction() as connection:
                    await take_append_lock(connection)
                    if not taken and not await due.hold(connection, mail):
                        log.warning("claim_lost", mail_id=str(mail.mail_id), attempts=mail.attempts)
                        return
                    erased = await is_erased(connection, mail.user_id)
                    told = impersonal(decide) if erased else decide
                    await execute(connection, self._store, MAIL, stream(mail.mail_id), told)
            except DatabaseAway:
                log.warning("mail_record_waits", mail_id=str(mail.mail_id))
                await asyncio.sleep(1.0)
            else:
                return

    def _now(self, mail: DueMail) -> Attempt:
        return Attempt(mail.attempts, mail.queued_at, self._clock())


def _unwanted(mail: DueMail) -> Suppression:
    return "user_unknown" if mail.request_id is None else "expired"
