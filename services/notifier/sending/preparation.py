"""All that can go wrong with mails before the mail server is told anything."""

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
from services.notifier.recording.failed_outcomes import broken, given_up
from services.notifier.recording.mail_streams import rows_of
from services.notifier.recording.recorder import Outcome, Undecidable, outcome, outcome_taken
from shared.clock import Clock
from shared.contracts.http.auth import AccountMail, Contact
from shared.db import Database
from shared.errors import NotFound
from shared.eventsourcing.event import UnreadableRowError
from shared.eventsourcing.pages import Row
from shared.eventsourcing.store import EventStore
from shared.logging import log
from shared.messaging.error_classification import may_be_stream_fault

FRESH = 2.0  # seconds for which it is taken for true that a mail may be sent, and to whom
Reader = Contact | AccountMail


@dataclass(frozen=True)
class Ready:
    """A mail that may be sent now, and its reader, of whom auth was asked at `since`."""

    mail: DueMail
    reader: Reader = field(repr=False)
    since: float

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.since <= FRESH


@dataclass(frozen=True)
class Prepared:
    """What is to be sent, and what has ended before. The others are no longer ours."""

    ready: list[Ready] = field(default_factory=list)
    settled: list[Outcome] = field(default_factory=list)


class Preparer:
    """Finds out whom claimed mails go to, and whether they may still be sent."""

    def __init__(
        self, database: Database, store: EventStore, contacts: Contacts, clock: Clock
    ) -> None:
        self._database, self._store = database, store
        self._contacts, self._clock = contacts, clock

    def ended(self, mails: Sequence[DueMail]) -> list[Outcome]:
        """What is known without asking anybody: that a mail was taken, or that it is given up."""
        return [said for mail in mails if (said := self._ended(mail))]

    async def prepare(self, mails: Sequence[DueMail]) -> Prepared:
        """Those that have not ended, all together; one by one when one has a fault of its own.

        Raises:
            Unavailable: auth or the database can't be asked.
        """
        try:
            return await self._together(mails)
        except Exception as failure:
            if not may_be_stream_fault(failure):
                raise
            if len(mails) == 1:
                with correlation_scope(mails[0]):
                    return Prepared(settled=[broken(mails[0], failure, self._clock())])
        prepared = Prepared()
        for mail in mails:
            one = await self.prepare([mail])
            prepared.ready.extend(one.ready)
            prepared.settled.extend(one.settled)
        return prepared

    async def _together(self, mails: Sequence[DueMail]) -> Prepared:
        prepared = Prepared()
        readers, wanted = await self._readers(mails), list[DueMail]()
        for mail in mails:
            match readers.get(mail.mail_id):
                case None:
                    prepared.settled.append(_unwanted(mail))
                case Ready(reader=Contact(confirmed=False)):
                    await self._hold_back(mail)
                case _:
                    wanted.append(mail)
        for mail, fault in await self._still_ours(wanted):
            if fault is None:
                prepared.ready.append(readers[mail.mail_id])
            else:
                with correlation_scope(mail):
                    prepared.settled.append(broken(mail, fault, self._clock()))
        return prepared

    def _ended(self, mail: DueMail) -> Outcome | None:
        with correlation_scope(mail):
            if mail.taken is not None:
                return outcome_taken(mail, mail.taken)
            return given_up(mail, self._clock()) if mail.deaths >= due_mails.GIVEN_UP else None

    async def _readers(self, mails: Sequence[DueMail]) -> Mapping[UUID, Ready]:
        """By mail: those of results in one call, links one by one, each for its own request."""
        since = time.monotonic()
        contacts = await self._find([mail for mail in mails if mail.request_id is None])
        found: dict[UUID, Ready] = {}
        for mail in mails:
            reader: Reader | None
            if mail.request_id is None:
                asked, reader = since, contacts.get(mail.user_id)
            else:
                asked = time.monotonic()
                reader = await self._account_mail(mail, mail.request_id)
            if reader is not None:
                found[mail.mail_id] = Ready(mail, reader, asked)
        return found

    async def _find(self, mails: Sequence[DueMail]) -> Mapping[UUID, Contact]:
        """In the name of the request that led to the mail, where there is one."""
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

    async def _hold_back(self, mail: DueMail) -> None:
        with correlation_scope(mail):
            async with self._database.transaction() as connection:
                await recipients.hold_back(connection, self._store, mail, self._clock())

    async def _still_ours(
        self, mails: Sequence[DueMail]
    ) -> Sequence[tuple[DueMail, Exception | None]]:
        """Those whose claims hold, each with what keeps it from being decided about.

        A copy that was frozen meanwhile has lost its claims.
        """
        if not mails:
            return []
        async with self._database.transaction() as connection:
            ours = await due_mails.renew(connection, mails, self._clock())
            rows = await rows_of(connection, self._store, ours)
        for mail in mails:
            if mail.mail_id not in ours:
                log.warning("claim_lost", mail_id=str(mail.mail_id), attempts=mail.attempts)
        return [(mail, self._fault(rows[mail.mail_id])) for mail in mails if mail.mail_id in ours]

    def _fault(self, rows: Sequence[Row]) -> Exception | None:
        """Why what becomes of a mail could not be recorded."""
        try:
            history = [row.event(self._store.types) for row in rows]
        except UnreadableRowError as unreadable:
            return unreadable
        state = MAIL.state(recorded.event for recorded in history)
        if state.mail_id is None or state.closed or history[-1].version != len(history):
            return Undecidable()
        return None


def _unwanted(mail: DueMail) -> Outcome:
    reason: Suppression = "user_unknown" if mail.request_id is None else "expired"
    with correlation_scope(mail):
        return outcome(mail, partial(suppressed, reason=reason))
