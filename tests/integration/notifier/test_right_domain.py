"""From a registration to the mail server: the domain that was typed is the one that is told."""

from collections.abc import AsyncIterator
from email import message_from_bytes, policy

import httpx2
import pytest
import pytest_asyncio

from services.auth.domain.account import EVENTS, stream
from services.notifier.adapters.contacts import HttpContacts
from services.notifier.sending.sender import Sender
from shared.contracts.auth import AccountMailRequested
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.web.client import ServiceClient, http_client
from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    ManualClock,
    Person,
    make_app,
)
from tests.integration.notifier.story import Story
from tests.support.apps import without_loops
from tests.support.databases import PrivateDatabase
from tests.support.events import checked
from tests.support.keys import Keys
from tests.support.smtp_server import ReceivedMail

STORE = EventStore(EventTypes(EVENTS))


class Path:
    """auth, a notifier that asks it, and what stands between them."""

    def __init__(self, harness: AuthHarness, story: Story, keys: Keys) -> None:
        self.harness, self.story = harness, story
        http = http_client(httpx2.ASGITransport(harness.app))
        client = ServiceClient("auth", "http://service", keys.identity("notifier"), http)
        self._contacts, self._told = HttpContacts(client), 0

    def sender(self) -> Sender:
        sender = self.story.sender()
        sender._preparer._contacts = self._contacts
        return sender

    async def send(self, person: Person) -> list[ReceivedMail]:
        """What the mail server gets for all that auth has asked for since the last time."""
        async with self.harness.database.transaction() as connection:
            events = await STORE.load(connection, stream(person.user_id))
        for event in events[self._told :]:
            if isinstance(event.event, AccountMailRequested):
                await self.story.request(event.event)
        self._told = len(events)
        before, sender = len(self.story.smtp.taken), self.sender()
        while await sender.step():
            pass
        return self.story.smtp.taken[before:]


@pytest_asyncio.fixture
async def path(fresh_postgres: PrivateDatabase, story: Story, keys: Keys) -> AsyncIterator[Path]:
    clock = ManualClock(story.now)
    async with without_loops(make_app(keys, fresh_postgres, clock)) as app:
        yield Path(AuthHarness(app, keys, clock, app.state.provided[Database]), story, keys)


@pytest.mark.parametrize(
    ("typed", "recipient"),
    [
        ("Ada.Lovelace@straße.example", "Ada.Lovelace@xn--strae-oqa.example"),
        ("ada@Εὔλογος.example", "ada@xn--oxadsqbs5150c.example"),
        ("ada@xn--fa-hia.example", "ada@xn--fa-hia.example"),
        ("ada@xn--nxasmm1c.example", "ada@xn--nxasmm1c.example"),
        ("ada@خوش\u200cنویس.example", "ada@xn--tgbkc6eic83go19l.example"),
        ("ada@xn--10cl1a0b660p.example", "ada@xn--10cl1a0b660p.example"),
    ],
)
async def test_what_is_sent_to_is_what_was_registered(
    path: Path, typed: str, recipient: str
) -> None:
    harness = path.harness
    assert (await harness.register(typed)).status_code == 202
    person = await harness.log_in(typed)
    mails = await path.send(person)  # the address is to be confirmed
    await harness.rows("UPDATE users SET email_confirmed_at = now() RETURNING 1")
    await harness.post("/password-resets", {"email": typed})
    change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await person.request("POST", "/me/password", change)).status_code == 204
    await harness.post("/password-resets", {"email": recipient})
    mails += await path.send(person)
    check = checked(person.user_id).model_copy(update={"user_id": person.user_id})
    await path.story.happen(check)
    mails += await path.send(person)
    assert len(mails) == 4
    assert [mail.recipients for mail in mails] == [[recipient]] * 4
    told = [line for line in path.story.smtp.commands if line.upper().startswith("RCPT")]
    assert told == [f"RCPT TO:<{recipient}>"] * 4
    for mail in mails:
        read = message_from_bytes(mail.content, policy=policy.default)
        assert [one.addr_spec for one in read["To"].addresses] == [recipient]
