"""The link to log in: mailed when an account is shut, good once, for an hour."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.auth.use_cases.unsolicited_mail import RESPONSE_SECONDS
from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    ManualClock,
    Person,
    look_up_link,
    make_app,
    new_client,
    new_email,
)
from tests.support.apps import is_problem, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys

FEW = 3


@pytest_asyncio.fixture(scope="module")
async def app(keys: Keys, postgres: PrivateDatabase) -> AsyncIterator[FastAPI]:
    """An account is locked out after a few failures."""
    made = make_app(keys, postgres, ManualClock(), limits={"failed_logins_per_account": FEW})
    async with without_loops(made) as app:
        yield app


@pytest_asyncio.fixture
async def person(harness: AuthHarness) -> AsyncIterator[Person]:
    """Somebody with a confirmed address, known in one browser."""
    found = await harness.new_person(kind="web", client=new_client(device="laptop"))
    await harness.confirm_address(found.email)
    yield found


async def shut(harness: AuthHarness, email: str) -> list[httpx2.Response]:
    """Fail from everywhere until the account is shut for browsers it does not know."""
    return [await harness.try_login(email, OTHER_PASSWORD, client=new_client()) for _ in range(FEW)]


async def by_link(harness: AuthHarness, token: str, device: str = "phone") -> httpx2.Response:
    body = {"token": token, "client": new_client(device=device)}
    return await harness.post("/sessions/by-link", body)


async def link(harness: AuthHarness, email: str) -> str:
    await shut(harness, email)
    return str((await harness.mail(email, "log_in"))["token"])


async def links_mailed(harness: AuthHarness, email: str) -> int:
    return (await harness.mail_kinds(email)).count("log_in")


async def test_the_owner_gets_a_link_when_the_account_is_shut(
    harness: AuthHarness, person: Person
) -> None:
    await harness.try_login(person.email, OTHER_PASSWORD, client=new_client())
    assert await links_mailed(harness, person.email) == 0
    answers = await shut(harness, person.email)
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert await links_mailed(harness, person.email) == 1
    refused = await harness.try_login(person.email, client=new_client())
    assert is_problem(refused, 429, "too_many_attempts")
    assert await links_mailed(harness, person.email) == 1, "what is refused mails nothing"
    mail = await harness.mail(person.email, "log_in")
    assert mail["email"] == person.email
    assert datetime.fromisoformat(mail["expires_at"]) == harness.clock.now + timedelta(hours=1)
    assert (await look_up_link(harness, mail["token"]))["kind"] == "log_in"


async def test_the_link_logs_a_browser_in_and_makes_it_known(
    harness: AuthHarness, person: Person
) -> None:
    token = await link(harness, person.email)
    answer = await by_link(harness, token)
    assert answer.status_code == 201
    new = Person(harness, person.email, answer.json())
    assert (new.user_id, new.tokens["expires_in"]) == (person.user_id, 600)
    assert (await new.get("/me"))["email"] == person.email
    assert (await harness.exchange(new.tokens["token"], "access")).status_code == 200
    assert await harness.is_active(person.session_id), "nothing else ends"
    assert (await new.security_log_kinds())[-1] == "signed_in"
    again = await harness.try_login(person.email, client=new_client(device="phone"))
    assert again.status_code == 201, "a known browser is not shut out"
    stranger = await harness.try_login(person.email, client=new_client(device="another"))
    assert is_problem(stranger, 429, "too_many_attempts")


async def test_the_link_works_once_and_no_other_of_its_kind_after_it(
    harness: AuthHarness, person: Person
) -> None:
    first = await link(harness, person.email)
    harness.clock.advance(minutes=15, seconds=1)
    second = await link(harness, person.email)
    assert (await by_link(harness, first)).status_code == 201
    for token in (first, second):
        assert await look_up_link(harness, token) is None
        assert is_problem(await by_link(harness, token), 422, "link_invalid")


async def test_of_parallel_uses_one_counts(harness: AuthHarness, person: Person) -> None:
    token = await link(harness, person.email)
    answers = await asyncio.gather(*(by_link(harness, token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 7


async def _let_an_hour_pass(person: Person) -> None:
    person.harness.clock.advance(hours=1, seconds=1)


async def _change_the_password(person: Person) -> None:
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await person.request("POST", "/me/password", body)).status_code == 204


async def _reset_the_password(person: Person) -> None:
    harness = person.harness
    await harness.post("/password-resets", {"email": person.email, "client": harness.client})
    token = (await harness.mail(person.email, "reset_password"))["token"]
    body = {"token": token, "password": OTHER_PASSWORD}
    assert (await harness.post("/password-resets", body, "PUT")).status_code == 204


async def _change_the_address(person: Person) -> None:
    new = new_email()
    await person.request("POST", "/me/email", {"password": PASSWORD, "email": new})
    token = (await person.harness.mail(new, "confirm_new_email"))["token"]
    confirmed = await person.request("POST", "/me/confirmations", {"token": token})
    assert confirmed.status_code == 200


async def _erase(person: Person) -> None:
    assert (await person.request("POST", "/me/erasure", {"password": PASSWORD})).status_code == 204


@pytest.mark.parametrize(
    "end",
    [_let_an_hour_pass, _change_the_password, _reset_the_password, _change_the_address, _erase],
)
async def test_the_link_ends(harness: AuthHarness, person: Person, end: Any) -> None:
    token = await link(harness, person.email)
    await end(person)
    assert await look_up_link(harness, token) is None
    assert is_problem(await by_link(harness, token), 422, "link_invalid")


async def test_links_work_only_for_what_they_were_sent(
    harness: AuthHarness, person: Person
) -> None:
    token = await link(harness, person.email)
    assert is_problem(await harness.confirm(token), 422, "link_invalid")
    body = {"token": token, "password": OTHER_PASSWORD}
    assert is_problem(await harness.post("/password-resets", body, "PUT"), 422, "link_invalid")
    await harness.post("/password-resets", {"email": person.email, "client": harness.client})
    resetting = (await harness.mail(person.email, "reset_password"))["token"]
    assert is_problem(await by_link(harness, resetting), 422, "link_invalid")
    assert (await by_link(harness, token)).status_code == 201


async def test_a_few_links_an_hour_and_no_more(harness: AuthHarness, person: Person) -> None:
    for _ in range(12):  # a failure falls out of the window, another reaches the limit again
        await harness.try_login(person.email, OTHER_PASSWORD, client=new_client())
        harness.clock.advance(minutes=5, seconds=1)
    assert await links_mailed(harness, person.email) == 5


async def test_an_address_nobody_has_confirmed_gets_no_link(harness: AuthHarness) -> None:
    stranger = await harness.new_person()
    await shut(harness, stranger.email)
    assert await links_mailed(harness, stranger.email) == 0


async def test_nobody_learns_by_failing_whether_an_account_exists(
    harness: AuthHarness, person: Person
) -> None:
    unconfirmed, told = await harness.new_person(), list[Any]()
    for email in (person.email, unconfirmed.email, new_email(), "not an address"):
        answers, slow = list[Any](), list[bool]()
        for _ in range(FEW + 1):
            started = time.perf_counter()
            answer = await harness.try_login(email, OTHER_PASSWORD, client=new_client())
            slow.append(time.perf_counter() - started >= RESPONSE_SECONDS)
            answers.append((answer.status_code, answer.json()["code"]))
        told.append((answers, slow[FEW - 1]))
    assert told == [([(401, "wrong_credentials")] * 3 + [(429, "too_many_attempts")], True)] * 4


async def test_only_the_gateway_logs_in_by_links(harness: AuthHarness, person: Person) -> None:
    answer = await harness.as_notifier("POST", "/sessions/by-link")
    assert is_problem(answer, 403, "forbidden")
    assert is_problem(await person.request("POST", "/sessions/by-link"), 401, "unauthenticated")
    extra = {"token": "x", "kind": "api"}
    assert is_problem(await harness.post("/sessions/by-link", extra), 422, "invalid")
