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
from tests.integration.auth.test_links import works
from tests.integration.auth.world import (
    OTHER_PASSWORD,
    PASSWORD,
    Session,
    SetClock,
    World,
    address,
    make_app,
    somewhere,
)
from tests.support.apps import is_problem, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys

FEW = 3


@pytest_asyncio.fixture(scope="module")
async def app(keys: Keys, postgres: PrivateDatabase) -> AsyncIterator[FastAPI]:
    """An account is locked out after a few failures."""
    made = make_app(keys, postgres, SetClock(), limits={"failures_per_account": FEW})
    async with without_loops(made) as app:
        yield app


@pytest_asyncio.fixture
async def person(world: World) -> AsyncIterator[Session]:
    """Somebody with a confirmed address, known in one browser."""
    found = await world.person(kind="web", client=somewhere(device="laptop"))
    await world.confirm_address(found.email)
    yield found


async def shut(world: World, email: str) -> list[httpx2.Response]:
    """Fail from everywhere until the account is shut for browsers it does not know."""
    return [await world.try_login(email, OTHER_PASSWORD, client=somewhere()) for _ in range(FEW)]


async def by_link(world: World, token: str, device: str = "phone") -> httpx2.Response:
    body = {"token": token, "client": somewhere(device=device)}
    return await world.post("/sessions/by-link", body)


async def link(world: World, email: str) -> str:
    await shut(world, email)
    return str((await world.mail(email, "log_in"))["token"])


async def links_mailed(world: World, email: str) -> int:
    return (await world.mail_kinds(email)).count("log_in")


async def test_the_owner_gets_a_link_when_the_account_is_shut(
    world: World, person: Session
) -> None:
    await world.try_login(person.email, OTHER_PASSWORD, client=somewhere())
    assert await links_mailed(world, person.email) == 0
    answers = await shut(world, person.email)
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert await links_mailed(world, person.email) == 1
    refused = await world.try_login(person.email, client=somewhere())
    assert is_problem(refused, 429, "too_many_attempts")
    assert await links_mailed(world, person.email) == 1, "what is refused mails nothing"
    mail = await world.mail(person.email, "log_in")
    assert mail["email"] == person.email
    assert datetime.fromisoformat(mail["expires_at"]) == world.clock.now + timedelta(hours=1)
    assert (await works(world, mail["token"]))["kind"] == "log_in"


async def test_the_link_logs_a_browser_in_and_makes_it_known(world: World, person: Session) -> None:
    token = await link(world, person.email)
    answer = await by_link(world, token)
    assert answer.status_code == 201
    new = Session(world, person.email, answer.json())
    assert (new.user_id, new.tokens["expires_in"]) == (person.user_id, 600)
    assert (await new.get("/me"))["email"] == person.email
    assert (await world.exchange(new.tokens["token"], "access")).status_code == 200
    assert await world.is_alive(person.session_id), "nothing else ends"
    assert (await new.log_kinds())[-1] == "signed_in"
    again = await world.try_login(person.email, client=somewhere(device="phone"))
    assert again.status_code == 201, "a known browser is not shut out"
    stranger = await world.try_login(person.email, client=somewhere(device="another"))
    assert is_problem(stranger, 429, "too_many_attempts")


async def test_the_link_works_once_and_no_other_of_its_kind_after_it(
    world: World, person: Session
) -> None:
    first = await link(world, person.email)
    world.clock.let_pass(minutes=15, seconds=1)
    second = await link(world, person.email)
    assert (await by_link(world, first)).status_code == 201
    for token in (first, second):
        assert await works(world, token) is None
        assert is_problem(await by_link(world, token), 422, "link_invalid")


async def test_of_parallel_uses_one_counts(world: World, person: Session) -> None:
    token = await link(world, person.email)
    answers = await asyncio.gather(*(by_link(world, token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 7


async def _let_an_hour_pass(person: Session) -> None:
    person.world.clock.let_pass(hours=1, seconds=1)


async def _change_the_password(person: Session) -> None:
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await person.ask("POST", "/me/password", body)).status_code == 204


async def _reset_the_password(person: Session) -> None:
    world = person.world
    await world.post("/password-resets", {"email": person.email, "client": world.client})
    token = (await world.mail(person.email, "reset_password"))["token"]
    body = {"token": token, "password": OTHER_PASSWORD}
    assert (await world.post("/password-resets", body, "PUT")).status_code == 204


async def _change_the_address(person: Session) -> None:
    new = address()
    await person.ask("POST", "/me/email", {"password": PASSWORD, "email": new})
    token = (await person.world.mail(new, "confirm_new_email"))["token"]
    confirmed = await person.ask("POST", "/me/confirmations", {"token": token})
    assert confirmed.status_code == 200


async def _erase(person: Session) -> None:
    assert (await person.ask("POST", "/me/erasure", {"password": PASSWORD})).status_code == 204


@pytest.mark.parametrize(
    "end",
    [_let_an_hour_pass, _change_the_password, _reset_the_password, _change_the_address, _erase],
)
async def test_the_link_ends(world: World, person: Session, end: Any) -> None:
    token = await link(world, person.email)
    await end(person)
    assert await works(world, token) is None
    assert is_problem(await by_link(world, token), 422, "link_invalid")


async def test_links_work_only_for_what_they_were_sent(world: World, person: Session) -> None:
    token = await link(world, person.email)
    assert is_problem(await world.confirm(token), 422, "link_invalid")
    body = {"token": token, "password": OTHER_PASSWORD}
    assert is_problem(await world.post("/password-resets", body, "PUT"), 422, "link_invalid")
    await world.post("/password-resets", {"email": person.email, "client": world.client})
    resetting = (await world.mail(person.email, "reset_password"))["token"]
    assert is_problem(await by_link(world, resetting), 422, "link_invalid")
    assert (await by_link(world, token)).status_code == 201


async def test_a_few_links_an_hour_and_no_more(world: World, person: Session) -> None:
    for _ in range(12):  # a failure falls out of the window, another reaches the limit again
        await world.try_login(person.email, OTHER_PASSWORD, client=somewhere())
        world.clock.let_pass(minutes=5, seconds=1)
    assert await links_mailed(world, person.email) == 5


async def test_an_address_nobody_has_confirmed_gets_no_link(world: World) -> None:
    stranger = await world.person()
    await shut(world, stranger.email)
    assert await links_mailed(world, stranger.email) == 0


async def test_nobody_learns_by_failing_whether_an_account_exists(
    world: World, person: Session
) -> None:
    unconfirmed, told = await world.person(), list[Any]()
    for email in (person.email, unconfirmed.email, address(), "not an address"):
        answers, slow = list[Any](), list[bool]()
        for _ in range(FEW + 1):
            started = time.perf_counter()
            answer = await world.try_login(email, OTHER_PASSWORD, client=somewhere())
            slow.append(time.perf_counter() - started >= RESPONSE_SECONDS)
            answers.append((answer.status_code, answer.json()["code"]))
        told.append((answers, slow[FEW - 1]))
    assert told == [([(401, "wrong_credentials")] * 3 + [(429, "too_many_attempts")], True)] * 4


async def test_only_the_gateway_logs_in_by_links(world: World, person: Session) -> None:
    answer = await world.as_notifier("POST", "/sessions/by-link")
    assert is_problem(answer, 403, "forbidden")
    assert is_problem(await person.ask("POST", "/sessions/by-link"), 401, "unauthenticated")
    extra = {"token": "x", "kind": "api"}
    assert is_problem(await world.post("/sessions/by-link", extra), 422, "invalid")
