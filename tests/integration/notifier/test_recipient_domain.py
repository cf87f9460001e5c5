"""Mails go to the domain that was typed at the registration, in its ASCII form."""

from collections.abc import AsyncIterator
from email import message_from_bytes, policy

import httpx2
import pytest
import pytest_asyncio

from services.auth.domain.account import EVENTS, stream
from services.notifier.adapters.contacts import HttpContacts
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
from tests.integration.notifier.harness import NotifierHarness
from tests.support.apps import without_loops
from tests.support.databases import PrivateDatabase
from tests.support.events import checked
from tests.support.keys import Keys
from tests.support.smtp_server import ReceivedMail

STORE = EventStore(EventTypes(EVENTS))


class AuthAndNotifier:
    """auth, and a notifier that calls it."""

    def __init__(self, auth: AuthHarness, notifier: NotifierHarness, keys: Keys) -> None:
        self.auth, self.notifier = auth, notifier
        http = http_client(httpx2.ASGITransport(auth.app))
        client = ServiceClient("auth", "http://service", keys.identity("notifier"), http)
        self._contacts, self._events_seen = HttpContacts(client), 0

    async def send(self, person: Person) -> list[ReceivedMail]:
        """What the mail server gets for all that auth has asked for since the last time."""
        async with self.auth.database.transaction() as connection:
            events = await STORE.load(connection, stream(person.user_id))
        for event in events[self._events_seen :]:
            if isinstance(event.event, AccountMailRequested):
                await self.notifier.queue_account_mail(event.event)
        self._events_seen = len(events)
        before = len(self.notifier.smtp.taken)
        await self.notifier.sender(contacts=self._contacts).run_until_idle()
        return self.notifier.smtp.taken[before:]


@pytest_asyncio.fixture
async def services(
    fresh_postgres: PrivateDatabase, notifier: NotifierHarness, keys: Keys
) -> AsyncIterator[AuthAndNotifier]:
    clock = ManualClock(notifier.now)
    async with without_loops(make_app(keys, fresh_postgres, clock)) as app:
        yield AuthAndNotifier(
            AuthHarness(app, keys, clock, app.state.provided[Database]), notifier, keys
        )


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
    services: AuthAndNotifier, typed: str, recipient: str
) -> None:
    auth = services.auth
    assert (await auth.register(typed)).status_code == 202
    person = await auth.log_in(typed)
    mails = await services.send(person)  # the address is to be confirmed
    await auth.rows("UPDATE users SET email_confirmed_at = now() RETURNING 1")
    await auth.post("/password-resets", {"email": typed})
    change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await person.request("POST", "/me/password", change)).status_code == 204
    await auth.post("/password-resets", {"email": recipient})
    mails += await services.send(person)
    check = checked(person.user_id).model_copy(update={"user_id": person.user_id})
    await services.notifier.queue_result(check)
    mails += await services.send(person)
    assert len(mails) == 4
    assert [mail.recipients for mail in mails] == [[recipient]] * 4
    told = [line for line in services.notifier.smtp.commands if line.upper().startswith("RCPT")]
    assert told == [f"RCPT TO:<{recipient}>"] * 4
    for mail in mails:
        read = message_from_bytes(mail.content, policy=policy.default)
        assert [one.addr_spec for one in read["To"].addresses] == [recipient]
