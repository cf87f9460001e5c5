"""Sends due mail, one after the other, and records what truly became of it."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from functools import partial

from services.notifier import due
from services.notifier.adapters.contacts import Contact, Contacts
from services.notifier.domain.mail import MAIL, Attempt, Mail, failed, sent, stream, suppressed
from services.notifier.due import DueMail
from services.notifier.mail.address import BadAddress, parse_mailbox
from services.notifier.mail.check_result import render_check_result
from services.notifier.mail.message import UnsafeMessage
from services.notifier.settings import Settings
from services.notifier.smtp import deliver
from services.notifier.smtp_failures import PermanentFailure, TemporaryFailure
from services.notifier.smtp_url import SmtpServer
from shared.clock import Clock
from shared.contracts.checker import CheckFailed, FileChecked
from shared.db import Database, DatabaseAway
from shared.errors import NotFound, Unavailable
from shared.eventsourcing.event import Event
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.logging import log

Decide = Callable[[Mail], list[Event]]
RESULTS = {model.type_name(): model for model in (FileChecked, CheckFailed)}


class Sender:
    """The loop over due mail."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: EventStore,
        contacts: Contacts,
        clock: Clock,
    ) -> None:
        self._settings, self._database, self._store = settings, database, store
        self._contacts, self._clock = contacts, clock
        parse_mailbox(settings.mail_from)  # a bad sender is found at the start, not mail by mail
        self._server = SmtpServer.from_url(settings.smtp_url.get_secret_value())

    async def step(self) -> bool:
        """Send one mail; False when none is due."""
        async with self._database.transaction() as connection:
            mail = await due.claim(connection, self._clock())
        if mail is None:
            return False
        await self._record(mail, await self._attempt(mail))
        return True

    async def _attempt(self, mail: DueMail) -> Decide:
        """Try to send; return what to say about it."""
        try:
            contact = await self._contacts.find(mail.user_id)
        except NotFound:
            return partial(suppressed, reason="user_unknown")
        except Unavailable:
            async with self._database.transaction() as connection:
                await due.put_back(connection, mail, self._clock() + timedelta(seconds=5))
            raise
        try:
            message = self._render(mail, contact)
            reply = await deliver(self._server, message, contact.email)
        except TemporaryFailure as failure:
            return self._failed(mail, contact, failure, permanent=False)
        except (PermanentFailure, BadAddress, UnsafeMessage) as failure:
            return self._failed(mail, contact, failure, permanent=True)
        except Exception as failure:  # noqa: BLE001 - a fault of ours must end in the log, too
            log.error("mail_broken", mail_id=str(mail.mail_id), exc_info=failure)
            return self._failed(mail, contact, failure, permanent=False)
        log.info("mail_sent", mail_id=str(mail.mail_id), attempts=mail.attempts)
        return partial(
            sent,
            attempt=self._now(mail),
            message_id=str(message["Message-ID"]),
            reply=_without_address(f"{reply.code} {reply.text}", contact),
        )

    def _failed(
        self, mail: DueMail, contact: Contact, failure: Exception, *, permanent: bool
    ) -> Decide:
        log.warning(
            "mail_not_sent",
            mail_id=str(mail.mail_id),
            attempts=mail.attempts,
            permanent=permanent,
            ambiguous=getattr(failure, "ambiguous", False),
            cause=type(failure.__cause__ or failure).__name__,
        )
        reason = _without_address(str(failure), contact)
        return partial(failed, attempt=self._now(mail), reason=reason, permanent=permanent)

    def _render(self, mail: DueMail, contact: Contact) -> EmailMessage:
        return render_check_result(
            RESULTS[mail.type].model_validate(mail.result),
            language=contact.language,
            to=contact.email,
            sender=self._settings.mail_from,
            public_url=self._settings.public_url,
            mail_id=mail.mail_id,
            now=self._clock(),
        )

    async def _record(self, mail: DueMail, decide: Decide) -> None:
        """Say what happened; patiently, for a mail that was sent must not be forgotten."""
        while True:
            try:
                async with self._database.transaction() as connection:
                    await execute(connection, self._store, MAIL, stream(mail.mail_id), decide)
            except DatabaseAway:
                log.warning("mail_record_waits", mail_id=str(mail.mail_id))
                await asyncio.sleep(1.0)
            else:
                return

    def _now(self, mail: DueMail) -> Attempt:
        return Attempt(mail.attempts, mail.queued_at, self._clock())


def _without_address(text: str, contact: Contact) -> str:
    """Mail servers like to repeat the recipient; events are kept for ever and must not hold it."""
    return re.sub(re.escape(contact.email), "…", text, flags=re.IGNORECASE)
