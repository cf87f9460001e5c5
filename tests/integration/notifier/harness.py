"""A notifier with its database, a mail server, a fake auth, and the events of other services."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from services.notifier.claims.due_mails import DueMail
from services.notifier.domain.contacts import Contacts
from services.notifier.domain.mail import EVENTS, mail_id_for, stream
from services.notifier.main import SenderLimits, create_sender
from services.notifier.projections import MAILS
from services.notifier.reactions import reacting
from services.notifier.recording.recorder import Recorder
from services.notifier.sending.composing import Compose
from services.notifier.sending.sender import Sender
from services.notifier.settings import Settings
from shared.clock import utc_now
from shared.contracts.auth import AccountMailRequested
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.http.auth import AccountMail, Contact
from shared.coordination.copies import Copy
from shared.db import Database
from shared.errors import NotFound
from shared.eventsourcing.event import Event, EventTypes, RecordedEvent
from shared.eventsourcing.store import EventStore
from tests.support.copies import present_copy
from tests.support.events import ANN, checked, recorded
from tests.support.smtp_server import SmtpTestServer

STORE = EventStore(EventTypes(EVENTS), [MAILS])
ADDRESS = "ann@example.org"


@dataclass
class FakeAuth:
    """Implements `Contacts`. `unwanted`: auth no longer wants the mails that it requested."""

    error: Exception | None = None
    confirmed: bool = True
    gone: set[UUID] = field(default_factory=set)
    unwanted: bool = False
    tokens: int = 0
    address: str = ADDRESS

    async def find(self, user_ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        found = {}
        for user_id in user_ids:
            with suppress(NotFound):
                found[user_id] = await self.find_one(user_id)
        return found

    async def find_one(self, user_id: UUID) -> Contact:
        if self.error is not None:
            raise self.error
        if user_id in self.gone:
            raise NotFound
        return Contact(
            user_id=user_id,
            email=self.address,
            language="ru",
            time_zone="auto",
            confirmed=self.confirmed,
        )

    async def account_mail(self, request_id: UUID) -> AccountMail:  # noqa: ARG002
        if self.error is not None:
            raise self.error
        if self.unwanted:
            raise NotFound
        self.tokens += 1
        return AccountMail(
            email=ADDRESS, language="en", time_zone="auto", token=f"secret-{self.tokens}"
        )


class HangingRecorder(Recorder):
    """Records nothing before `may_record` is set; `reached` is set at the first attempt."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.reached, self.may_record = asyncio.Event(), asyncio.Event()

    async def record(self, outcomes: Sequence[Any]) -> None:
        self.reached.set()
        await self.may_record.wait()
        await super().record(outcomes)


class SteppingSender(Sender):
    """A sender whose step lasts until the mails it has in hand are recorded."""

    @property
    def doorbell(self) -> asyncio.Event:
        return self._copy.doorbell

    @property
    def in_hand(self) -> dict[UUID, DueMail]:
        return self._in_hand

    async def step(self) -> bool:
        worked = await self.begin_step()
        await self.wait_until_recorded()
        return worked

    async def begin_step(self) -> bool:
        """A step as in the service: mails are delivered in the background."""
        return await super().step()

    async def run_until_idle(self) -> None:
        while await self.step():
            pass

    async def wait_until_recorded(self) -> None:
        while self._in_hand:
            await asyncio.sleep(0.001)

    async def claim(self) -> Sequence[DueMail]:
        return await self._claim()

    async def put_back(self, mails: Iterable[DueMail], delay: timedelta) -> None:
        await self._put_back(list(mails), delay)

    async def kill(self) -> None:
        """End like a killed process: no delivery goes on, and nothing is recorded."""
        recording = self._outcomes._task
        tasks = [*self._deliveries, *([recording] if recording else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pool.close()


class NotifierHarness:
    """Consumes events, runs senders, and reads what they have recorded."""

    def __init__(
        self, database: Database, smtp: SmtpTestServer, settings: Callable[..., Settings]
    ) -> None:
        self.database, self.smtp, self._settings = database, smtp, settings
        # Later than the events of the tests, however slow these are.
        self.auth, self.now = FakeAuth(), utc_now() + timedelta(minutes=10)
        self._senders: list[SteppingSender] = []

    def clock(self) -> datetime:
        return self.now

    def sender(
        self,
        database: Database | None = None,
        copy: Copy | None = None,
        *,
        connections: int = 1,
        in_hand: int = 1,
        limits: SenderLimits | None = None,
        contacts: Contacts | None = None,
        recorder: Recorder | None = None,
        store: EventStore = STORE,
        compose: Compose | None = None,
    ) -> SteppingSender:
        """One that sends one mail after the other, unless more are wanted."""
        settings = self._settings(
            smtp_url=f"smtp://127.0.0.1:{self.smtp.port}",
            public_url="https://prereview.example",
            mail_connections=connections,
            mails_in_hand=in_hand,
        )
        database = database or self.database
        sender = create_sender(
            SteppingSender,
            settings,
            database,
            store,
            contacts or self.auth,
            recorder or Recorder(database, store, self.clock),
            copy or present_copy(database),
            self.clock,
            limits=limits,
            compose=compose,
        )
        self._senders.append(sender)
        return sender

    def concurrent_sender(self, **more: Any) -> SteppingSender:
        return self.sender(connections=4, in_hand=25, **more)

    def hanging_recorder(self) -> HangingRecorder:
        return HangingRecorder(self.database, STORE, self.clock)

    async def close(self) -> None:
        await asyncio.gather(*(sender.kill() for sender in self._senders))

    async def queue_result(self, event: FileChecked | CheckFailed, times: int = 1) -> UUID:
        """Consume the event of a check; return the id of its mail."""
        for _ in range(times):
            await self.consume(event)
        return mail_id_for(event.check_id)

    async def queue_results(self, number: int, user_id: UUID = ANN) -> list[UUID]:
        return [await self.queue_result(checked(uuid4(), user_id=user_id)) for _ in range(number)]

    async def queue_account_mail(self, event: AccountMailRequested, times: int = 1) -> UUID:
        """Consume a request of auth; return the id of its mail."""
        for _ in range(times):
            await self.consume(event)
        return mail_id_for(event.request_id, event.kind)

    async def queue_new_sign_in(self, user_id: UUID = ANN) -> UUID:
        event = AccountMailRequested(user_id=user_id, request_id=uuid4(), kind="new_sign_in")
        return await self.queue_account_mail(event)

    async def consume(self, event: Event, **metadata: Any) -> RecordedEvent:
        consumed = recorded(event)
        consumed = replace(consumed, metadata=replace(consumed.metadata, **metadata))
        await self.consume_all([consumed])
        return consumed

    async def consume_all(self, events: Sequence[RecordedEvent]) -> None:
        async with self.database.transaction() as connection:
            await reacting(STORE, self.clock)(connection, events)

    async def send_all(self) -> None:
        await self.sender().run_until_idle()

    async def recorded_events(self, mail_id: UUID) -> list[RecordedEvent]:
        async with self.database.transaction() as connection:
            return await STORE.load(connection, stream(mail_id))

    async def events(self, mail_id: UUID) -> list[Event]:
        return [recorded.event for recorded in await self.recorded_events(mail_id)]

    async def row(self, mail_id: UUID) -> dict[str, Any]:
        async with self.database.transaction() as connection:
            rows = await connection.execute(
                text("SELECT * FROM mails WHERE mail_id = :id"), {"id": mail_id}
            )
            return dict(rows.mappings().one())

    async def states(self, mails: Iterable[UUID]) -> set[str]:
        return {(await self.row(mail_id))["state"] for mail_id in mails}

    def message_ids(self) -> list[str]:
        """Of the mails that the mail server has seen."""
        return [str(message_from_bytes(mail.content)["Message-ID"]) for mail in self.smtp.seen]

    async def dump(self) -> str:
        """Each row of each table, as text."""
        async with self.database.transaction() as connection:
            tables = await connection.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            )
            found = [
                await connection.scalars(text(f"SELECT t::text FROM {table} t"))
                for table in tables.all()
            ]
            return "\n".join(row for rows in found for row in rows)
