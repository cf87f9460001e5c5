"""A mail for each check, and the truth about what became of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from services.notifier.adapters.contacts import Contact, Contacts
from services.notifier.domain.mail import EVENTS, mail_id_for, stream
from services.notifier.due import LEASE
from services.notifier.projections import MAILS
from services.notifier.reactions import reacting
from services.notifier.sender import Sender
from services.notifier.settings import Settings
from shared.clock import utc_now
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.notifier import EmailFailed, EmailQueued, EmailSent, EmailSuppressed
from shared.db import Database
from shared.errors import NotFound, Unavailable
from shared.eventsourcing.event import Event, EventTypes
from shared.eventsourcing.store import EventStore
from shared.web.client import ServiceAway
from tests.support.apps import common_settings
from tests.support.databases import PrivateDatabase
from tests.support.events import check_failed, checked, recorded
from tests.support.keys import Keys
from tests.support.proxy import proxy_to
from tests.support.smtp_server import Act, SmtpTestServer, smtp_server

STORE = EventStore(EventTypes(EVENTS), [MAILS])
ADDRESS = "ann@example.org"


class KilledError(BaseException):
    """The process ends here."""


class AddressBook:
    """What auth would answer."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def find(self, user_id: UUID) -> Contact:  # noqa: ARG002
        if self.error is not None:
            raise self.error
        return Contact(email=ADDRESS, language="ru")


class Story:
    """A notifier with its database, a mail server and an address book."""

    def __init__(
        self, database: Database, smtp: SmtpTestServer, make: Callable[..., Settings]
    ) -> None:
        self.database, self.smtp, self._make = database, smtp, make
        self.book, self.now = AddressBook(), utc_now() + timedelta(seconds=1)

    def sender(self, database: Database | None = None) -> Sender:
        settings = self._make(smtp_url=f"smtp://127.0.0.1:{self.smtp.port}")
        contacts = cast("Contacts", self.book)
        return Sender(settings, database or self.database, STORE, contacts, lambda: self.now)

    async def happen(self, check: FileChecked | CheckFailed, times: int = 1) -> UUID:
        for _ in range(times):
            async with self.database.transaction() as connection:
                await reacting(STORE)(connection, recorded(check))
        return mail_id_for(check.check_id)

    async def life(self, mail_id: UUID) -> list[Event]:
        async with self.database.transaction() as connection:
            history = await STORE.load(connection, stream(mail_id))
        return [event.event for event in history]

    async def row(self, mail_id: UUID) -> dict[str, Any]:
        async with self.database.transaction() as connection:
            rows = await connection.execute(
                text("SELECT state, attempts, due_at FROM mails WHERE mail_id = :id"),
                {"id": mail_id},
            )
            return dict(rows.mappings().one())


@pytest_asyncio.fixture
async def story(fresh_postgres: PrivateDatabase, keys: Keys) -> AsyncIterator[Story]:
    def make(**more: Any) -> Settings:
        url = fresh_postgres.url("notifier")
        return Settings(**common_settings("notifier", keys), database_url=url, **more)

    database = Database(fresh_postgres.url("notifier"))
    async with smtp_server() as smtp:
        yield Story(database, smtp, make)
    await database.close()


@pytest.mark.parametrize("make", [checked, check_failed], ids=["checked", "failed"])
async def test_a_check_leads_to_one_mail_that_is_sent_once(
    story: Story, make: Callable[[UUID], FileChecked | CheckFailed]
) -> None:
    mail_id = await story.happen(make(uuid4()), times=3)
    sender = story.sender()
    assert await sender.step()
    assert not await sender.step()
    [mail] = story.smtp.taken
    assert mail.recipients == [ADDRESS]
    queued, sent = await story.life(mail_id)
    assert isinstance(queued, EmailQueued)
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1
    assert sent.reply == "250 2.0.0 taken as 42"
    assert sent.sent_at == story.now
    assert sent.message_id == message_from_bytes(mail.content)["Message-ID"]
    assert (await story.row(mail_id))["state"] == "sent"


async def test_a_mail_is_not_sent_before_the_server_says_so(story: Story) -> None:
    """The whole mail has arrived, and then the server refuses it."""
    story.smtp.acts["content"] = Act("451 disk full")
    mail_id = await story.happen(checked(uuid4()))
    assert await story.sender().step()
    assert len(story.smtp.seen) == 1
    _, failed = await story.life(mail_id)
    assert isinstance(failed, EmailFailed)
    assert (await story.row(mail_id))["state"] == "queued"


async def test_after_a_temporary_failure_the_mail_is_tried_at_the_time_that_was_told(
    story: Story,
) -> None:
    story.smtp.acts["rcpt"] = Act("450 grey")
    mail_id = await story.happen(checked(uuid4()))
    sender = story.sender()
    for number, minutes in enumerate((1, 5, 15, 60, 240, 240), start=1):
        assert await sender.step()
        failed = (await story.life(mail_id))[-1]
        assert isinstance(failed, EmailFailed)
        assert failed.attempts == number
        assert failed.next_attempt_at == story.now + timedelta(minutes=minutes)
        story.now = failed.next_attempt_at - timedelta(seconds=1)
        assert not await sender.step()
        story.now += timedelta(seconds=1)
    del story.smtp.acts["rcpt"]
    assert await sender.step()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 7
    assert len(story.smtp.taken) == 1


async def test_after_two_days_it_is_given_up_and_said(story: Story) -> None:
    story.smtp.acts["rcpt"] = Act("450 grey")
    mail_id = await story.happen(checked(uuid4()))
    story.now += timedelta(hours=47, minutes=59, seconds=30)
    assert await story.sender().step()
    failed = (await story.life(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at is None
    story.now += timedelta(days=365)
    assert not await story.sender().step()
    assert (await story.row(mail_id))["state"] == "failed"


async def test_a_permanent_refusal_is_the_end(story: Story) -> None:
    story.smtp.acts["rcpt"] = Act("550 no such person")
    mail_id = await story.happen(checked(uuid4()))
    assert await story.sender().step()
    failed = (await story.life(mail_id))[-1]
    assert isinstance(failed, EmailFailed)
    assert failed.next_attempt_at is None
    assert "550" in failed.reason
    story.now += timedelta(days=3)
    assert not await story.sender().step()
    assert story.smtp.taken == []


async def test_a_person_who_is_gone_gets_nothing(story: Story) -> None:
    story.book.error = NotFound()
    mail_id = await story.happen(checked(uuid4()))
    assert await story.sender().step()
    suppressed = (await story.life(mail_id))[-1]
    assert isinstance(suppressed, EmailSuppressed)
    assert suppressed.reason == "user_unknown"
    assert story.smtp.connections == 0
    assert not await story.sender().step()


async def test_while_auth_is_away_no_attempt_counts(story: Story) -> None:
    story.book.error = ServiceAway()
    mail_id = await story.happen(checked(uuid4()))
    for _ in range(3):
        with pytest.raises(Unavailable):
            await story.sender().step()
        story.now += timedelta(seconds=6)
    row = await story.row(mail_id)
    assert (row["state"], row["attempts"]) == ("queued", 0)
    story.book.error = None
    assert await story.sender().step()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1


async def test_while_the_mail_server_is_away_mails_wait(story: Story) -> None:
    mails = [await story.happen(checked(uuid4())) for _ in range(3)]
    await story.smtp.stop()
    sender = story.sender()
    while await sender.step():
        pass
    assert {(await story.row(mail_id))["state"] for mail_id in mails} == {"queued"}
    await story.smtp.start()
    story.now += timedelta(minutes=2)
    while await sender.step():
        pass
    assert len(story.smtp.taken) == 3
    assert {(await story.row(mail_id))["state"] for mail_id in mails} == {"sent"}


async def test_a_crash_after_the_server_took_it_shows_as_a_second_attempt(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one duplicate, with the same Message-ID; never none."""
    mail_id, dying = await story.happen(checked(uuid4())), story.sender()

    async def die(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(dying, "_record", die)
    with pytest.raises(KilledError):
        await dying.step()
    assert (await story.row(mail_id))["state"] == "sending"
    assert len(await story.life(mail_id)) == 1  # nothing is claimed that is not known
    heir = story.sender()
    assert not await heir.step()
    story.now += LEASE + timedelta(seconds=1)
    assert await heir.step()
    assert not await heir.step()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 2
    ids = [message_from_bytes(mail.content)["Message-ID"] for mail in story.smtp.taken]
    assert ids == [sent.message_id] * 2


async def test_two_senders_never_send_one_mail_twice(story: Story) -> None:
    mails = [await story.happen(checked(uuid4())) for _ in range(12)]

    async def work(sender: Sender) -> None:
        while await sender.step():
            pass

    await asyncio.gather(*(work(story.sender()) for _ in range(3)))
    assert len(story.smtp.taken) == 12
    ids = {message_from_bytes(mail.content)["Message-ID"] for mail in story.smtp.taken}
    assert len(ids) == 12
    assert {(await story.row(mail_id))["state"] for mail_id in mails} == {"sent"}


async def test_a_mail_that_was_taken_while_the_database_went_away_is_remembered(
    story: Story, fresh_postgres: PrivateDatabase
) -> None:
    mail_id = await story.happen(checked(uuid4()))
    async with proxy_to(fresh_postgres.url("notifier")) as (proxy, url):
        database = Database(url)
        find = story.book.find

        async def find_and_cut(user_id: UUID) -> Contact:
            await proxy.cut()
            return await find(user_id)

        story.book.find = find_and_cut  # type: ignore[method-assign]
        sending = asyncio.create_task(story.sender(database).step())
        async with asyncio.timeout(10):
            while not story.smtp.taken:
                await asyncio.sleep(0.02)
        await proxy.mend()
        assert await asyncio.wait_for(sending, 15)
        await database.close()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.attempts == 1
    assert len(story.smtp.taken) == 1


async def test_the_address_is_kept_nowhere(story: Story) -> None:
    """Also where the server repeats it."""
    story.smtp.acts["rcpt"] = Act(f"450 <{ADDRESS}>: grey")
    story.smtp.acts["content"] = Act(f"250 queued for {ADDRESS.upper()}")
    await story.happen(checked(uuid4()))
    await story.sender().step()
    story.now += timedelta(minutes=2)
    del story.smtp.acts["rcpt"]
    await story.sender().step()
    async with story.database.transaction() as connection:
        for table in ("mails", "events", "inbox"):
            rows = await connection.execute(text(f"SELECT t::text FROM {table} t"))
            assert ADDRESS not in "\n".join(row[0] for row in rows).lower()


async def test_times_are_those_of_the_clock(story: Story) -> None:
    story.now = datetime(2999, 12, 31, tzinfo=UTC)
    mail_id = await story.happen(checked(uuid4()))
    assert await story.sender().step()
    sent = (await story.life(mail_id))[-1]
    assert isinstance(sent, EmailSent)
    assert sent.sent_at == story.now
