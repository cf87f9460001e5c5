"""A notifier with its database, a mail server, and an auth that knows what a test tells it."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.notifier.domain.mail import EVENTS, mail_id_for, stream
from services.notifier.projections import MAILS
from services.notifier.reactions import reacting
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
from tests.support.events import recorded
from tests.support.smtp_server import SmtpTestServer

STORE = EventStore(EventTypes(EVENTS), [MAILS])
ADDRESS = "ann@example.org"


@dataclass
class Auth:
    """What auth would answer. `unwanted`: it has no use any more for the mails it asked for."""

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


class Stepping(Sender):
    """A sender whose step lasts until what it took in hand is recorded."""

    @property
    def doorbell(self) -> asyncio.Event:
        return self._copy.doorbell

    async def step(self) -> bool:
        worked = await self.begin()
        await self.settled()
        return worked

    async def begin(self) -> bool:
        """A step as the service makes it: what was taken in hand is sent meanwhile."""
        return await super().step()

    async def abandon(self) -> None:
        """End as a process does that is killed: nothing more is said, and nothing recorded."""
        tasks = [*self._seats, *([self._outcomes._task] if self._outcomes._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pool.close()

    async def settled(self) -> None:
        while self._in_hand:
            await asyncio.sleep(0.001)


class Story:
    """What happens to a notifier, and what came of it."""

    def __init__(
        self, database: Database, smtp: SmtpTestServer, make: Callable[..., Settings]
    ) -> None:
        self.database, self.smtp, self._make = database, smtp, make
        self.auth, self.now = Auth(), utc_now() + timedelta(minutes=10)  # however slow a test
        self._senders: list[Stepping] = []

    def sender(
        self,
        database: Database | None = None,
        copy: Copy | None = None,
        *,
        connections: int = 1,
        in_hand: int = 1,
    ) -> Stepping:
        """One that takes one mail after the other, unless more are wanted."""
        settings = self._make(
            smtp_url=f"smtp://127.0.0.1:{self.smtp.port}",
            public_url="https://prereview.example",
            mail_connections=connections,
            mails_in_hand=in_hand,
        )
        contacts = self.auth
        database = database or self.database
        copy = copy or present_copy(database)
        sender = Stepping(settings, database, STORE, contacts, copy, lambda: self.now)
        self._senders.append(sender)
        return sender

    async def close(self) -> None:
        await asyncio.gather(*(sender.abandon() for sender in self._senders))

    async def happen(self, event: FileChecked | CheckFailed, times: int = 1) -> UUID:
        for _ in range(times):
            await self.hear(event)
        return mail_id_for(event.check_id)

    async def request(self, event: AccountMailRequested, times: int = 1) -> UUID:
        for _ in range(times):
            await self.hear(event)
        return mail_id_for(event.request_id, event.kind)

    async def hear(self, event: Event, **metadata: Any) -> RecordedEvent:
        told = recorded(event)
        told = replace(told, metadata=replace(told.metadata, **metadata))
        await self.hear_together([told])
        return told

    async def hear_together(self, told: Sequence[RecordedEvent]) -> None:
        async with self.database.transaction() as connection:
            await reacting(STORE, lambda: self.now)(connection, told)

    async def send_all(self) -> None:
        sender = self.sender()
        while await sender.step():
            pass

    async def history(self, mail_id: UUID) -> list[RecordedEvent]:
        async with self.database.transaction() as connection:
            return await STORE.load(connection, stream(mail_id))

    async def life(self, mail_id: UUID) -> list[Event]:
        return [event.event for event in await self.history(mail_id)]

    async def row(self, mail_id: UUID) -> dict[str, Any]:
        async with self.database.transaction() as connection:
            rows = await connection.execute(
                text("SELECT * FROM mails WHERE mail_id = :id"), {"id": mail_id}
            )
            return dict(rows.mappings().one())

    async def everything_kept(self) -> str:
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
