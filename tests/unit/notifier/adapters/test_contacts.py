"""How contacts are requested from auth, and how its responses are read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from services.notifier.adapters.contacts import HttpContacts
from shared.contracts.http.auth import Contact
from shared.errors import NotFound
from shared.web.client import ServiceClient, ServiceUnavailable, http_client
from tests.support.events import ANN, BOB
from tests.support.internal_routes import violations
from tests.support.keys import Keys

CONTACT = {"user_id": str(ANN), "email": "ann@example.org", "language": "ru"}
READER = {**CONTACT, "time_zone": "Europe/Moscow"}


@asynccontextmanager
async def auth_saying(
    keys: Keys, answer: Any, status: int = 200, *, readable: bool = True
) -> AsyncIterator[tuple[HttpContacts, list[str]]]:
    """Auth, and what it is asked; checked against its own routes unless it is not `readable`."""
    asked: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(f"{request.method} {request.url.path}")
        response = httpx2.Response(status, json=answer)
        assert not readable or not [*violations(request, response)]
        return response

    http = http_client(httpx2.MockTransport(handle))
    client = ServiceClient("auth", "http://auth", keys.identity("notifier"), http)
    yield HttpContacts(client), asked
    await client.close()


async def test_contacts_are_requested_in_one_call(keys: Keys) -> None:
    answer = {"contacts": [{**READER, "confirmed": False}]}
    async with auth_saying(keys, answer) as (contacts, asked):
        found = await contacts.find([ANN, BOB])
    assert found == {
        ANN: Contact(
            user_id=ANN,
            email="ann@example.org",
            language="ru",
            time_zone="Europe/Moscow",
            confirmed=False,
        )
    }
    assert asked == ["POST /internal/contacts"]


async def test_an_account_mail_is_requested(keys: Keys) -> None:
    request_id = uuid4()
    answer = {
        "email": "ann@example.org",
        "language": "ru",
        "time_zone": "Europe/Moscow",
        "token": None,
        "expires_at": None,
        "details": {"device": "Firefox on Linux", "at": "2026-11-22T14:03:00Z"},
    }
    async with auth_saying(keys, answer) as (contacts, asked):
        mail = await contacts.account_mail(request_id)
    assert mail.details.device == "Firefox on Linux"
    assert mail.token is None
    assert asked == [f"POST /internal/account-mails/{request_id}"]


async def test_a_mail_that_is_no_longer_wanted_is_not_found(keys: Keys) -> None:
    async with auth_saying(keys, {"code": "not_found", "params": {}}, 404) as (contacts, _):
        with pytest.raises(NotFound):
            await contacts.account_mail(uuid4())


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        READER,
        {"contacts": [READER]},
        {"contacts": [{**READER, "confirmed": True, "language": "tlh"}]},
    ],
    ids=["list", "empty", "one", "half", "other language"],
)
async def test_an_unreadable_response_counts_as_none(keys: Keys, answer: Any) -> None:
    async with auth_saying(keys, answer, readable=False) as (contacts, _):
        with pytest.raises(ServiceUnavailable) as raised:
            await contacts.find([ANN])
    assert "ann@" not in str(raised.value)
    assert raised.value.__suppress_context__
