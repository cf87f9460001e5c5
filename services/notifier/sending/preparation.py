"""Finds out whom claimed mails go to, before a connection is used."""

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from services.notifier import recipients
from services.notifier.claims import due_mails
from services.notifier.claims.correlation import correlation_scope
from services.notifier.claims.due_mails import DueMail
from services.notifier.domain.contacts import Contacts
from services.notifier.domain.mail import MAIL, Suppression, suppressed
from services.notifier.recording.mail_streams import InconsistentMail, rows_of
from services.notifier.recording.outcomes import (
    DeliveryOutcome,
    accepted_outcome,
    given_up_outcome,
    internal_error_outcome,
    outcome_of,
)
from shared.clock import Clock
from shared.contracts.http.auth import AccountMail, Contact
from shared.db import Database
from shared.errors import NotFound
from shared.eventsourcing.event import UnreadableRowError
from shared.eventsourcing.pages import Row
from shared.eventsourcing.store import EventStore
from shared.logging import log
from shared.messaging.error_classification import may_be_stream_fault

FRESH_SECONDS = 2.0  # for which the responses of auth and of the database are relied on
Reader = Contact | AccountMail


@dataclass(frozen=True)
class ReadyMail:
    """A mail that may be sent now, and its reader; `fresh_until` is by the monotonic clock."""

    mail: DueMail
    reader: Reader = field(repr=False)
    fresh_until: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() <= self.fresh_until


@dataclass(frozen=True)
class Prepared:
    """The mails to send, and the outcomes of those that are not. Lost claims are in neither."""

    ready: list[ReadyMail] = field(default_factory=list)
    ended: list[DeliveryOutcome] = field(default_factory=list)


class Preparer:
    """Asks auth for the readers of claimed mails, and the database whether the claims hold."""

    def __init__(
        self,
        database: Database,
        store: EventStore,
        contacts: Contacts,
        clock: Clock,
        *,
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        self._database, self._store = database, store
        self._contacts, self._clock = contacts, clock
        self._fresh_seconds = fresh_seconds

    def already_ended(self, mails: Sequence[DueMail]) -> list[DeliveryOutcome]:
        """Outcomes that are known without a call: a mail was accepted, or is given up."""
        return [outcome for mail in mails if (outcome := self._already_ended(mail))]

    async def prepare(self, mails: Sequence[DueMail]) -> Prepared:
        """Prepare mails that have not ended, all together; one by one when one is at fault.

        Raises:
            Unavailable: auth or the database can't be asked.
        """
        try:
            return await self._prepare_together(mails)
        except Exception as failure:
            if not may_be_stream_fault(failure):
                raise
            if len(mails) == 1:
                return Prepared(ended=[self._internal_error(mails[0], failure)])
        prepared = Prepared()
        for mail in mails:
            one = await self.prepare([mail])
            prepared.ready.extend(one.ready)
            prepared.ended.extend(one.ended)
        return prepared

    async def _prepare_together(self, mails: Sequence[DueMail]) -> Prepared:
        prepared = Prepared()
        ready, wanted = await self._find_readers(mails), list[DueMail]()
        for mail in mails:
            match ready.get(mail.mail_id):
                case None:
                    prepared.ended.append(_unwanted_outcome(mail))
                case ReadyMail(reader=Contact(confirmed=False)):
                    await self._hold(mail)
                case _:
                    wanted.append(mail)
        for mail, fault in await self._verify_claims(wanted):
            if fault is None:
                prepared.ready.append(ready[mail.mail_id])
            else:
                prepared.ended.append(self._internal_error(mail, fault))
        return prepared

    def _internal_error(self, mail: DueMail, error: Exception) -> DeliveryOutcome:
        with correlation_scope(mail):
            return internal_error_outcome(mail, error, self._clock())

    def _already_ended(self, mail: DueMail) -> DeliveryOutcome | None:
        with correlation_scope(mail):
            if mail.accepted is not None:
                return accepted_outcome(mail, mail.accepted)
            is_given_up = mail.deaths >= due_mails.MAX_DEATHS
            return given_up_outcome(mail, self._clock()) if is_given_up else None

    async def _find_readers(self, mails: Sequence[DueMail]) -> Mapping[UUID, ReadyMail]:
        """By mail: readers of results in one call, links one by one, each for its own request."""
        contacts_asked_at = time.monotonic()
        contacts = await self._find_contacts([mail for mail in mails if mail.request_id is None])
        found: dict[UUID, ReadyMail] = {}
        for mail in mails:
            reader: Reader | None
            if mail.request_id is None:
                asked_at, reader = contacts_asked_at, contacts.get(mail.user_id)
            else:
                asked_at = time.monotonic()
                reader = await self._account_mail(mail, mail.request_id)
            if reader is not None:
                found[mail.mail_id] = ReadyMail(mail, reader, asked_at + self._fresh_seconds)
        return found

    async def _find_contacts(self, mails: Sequence[DueMail]) -> Mapping[UUID, Contact]:
        """A call for one mail is made on behalf of the request that caused it."""
        if not mails:
            return {}
        with correlation_scope(mails[0]) if len(mails) == 1 else nullcontext():
            return await self._contacts.find({mail.user_id for mail in mails})

    async def _account_mail(self, mail: DueMail, request_id: UUID) -> AccountMail | None:
        with correlation_scope(mail):
            try:
                return await self._contacts.account_mail(request_id)
            except NotFound:
                return None

    async def _hold(self, mail: DueMail) -> None:
        with correlation_scope(mail):
            async with self._database.transaction() as connection:
                await recipients.hold_until_confirmed(connection, self._store, mail, self._clock())

    async def _verify_claims(
        self, mails: Sequence[DueMail]
    ) -> Sequence[tuple[DueMail, Exception | None]]:
        """Mails whose claims hold, each with the reason why no outcome could be recorded, if any.

        A copy that was frozen meanwhile has lost its claims.
        """
        if not mails:
            return []
        async with self._database.transaction() as connection:
            claimed = await due_mails.renew(connection, mails, self._clock())
            rows = await rows_of(connection, self._store, claimed)
        for mail in mails:
            if mail.mail_id not in claimed:
                log.warning(
                    "claim_lost_before_sending", mail_id=str(mail.mail_id), attempts=mail.attempts
                )
        return [(one, self._fault(rows[one.mail_id])) for one in mails if one.mail_id in claimed]

    def _fault(self, rows: Sequence[Row]) -> Exception | None:
        try:
            history = [row.event(self._store.types) for row in rows]
        except UnreadableRowError as unreadable:
            return unreadable
        state = MAIL.state(recorded.event for recorded in history)
        if state.mail_id is None or state.closed or history[-1].version != len(history):
            return InconsistentMail()
        return None


def _unwanted_outcome(mail: DueMail) -> DeliveryOutcome:
    reason: Suppression = "user_unknown" if mail.request_id is None else "expired"
    with correlation_scope(mail):
        return outcome_of(mail, partial(suppressed, reason=reason))
