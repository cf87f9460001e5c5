"""Passwords: changed, forgotten, replaced; and what ends when they are."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from services.auth.use_cases import throttling
from services.auth.use_cases.unsolicited_mail import RESPONSE_SECONDS
from shared.db import DatabaseAway
from tests.integration.auth.world import (
    FIREFOX,
    OTHER_PASSWORD,
    PASSWORD,
    Session,
    Variant,
    World,
    address,
    somewhere,
)
from tests.support.apps import is_problem


async def _change(
    person: Session, new: str = OTHER_PASSWORD, current: str = PASSWORD
) -> httpx2.Response:
    body = {"current_password": current, "new_password": new}
    return await person.ask("POST", "/me/password", body)


async def _forget(world: World, email: str) -> httpx2.Response:
    return await world.post("/password-resets", {"email": email, "client": world.client})


async def _link(world: World, email: str) -> str:
    assert (await _forget(world, email)).status_code == 202
    return str((await world.mail(email, "reset_password"))["token"])


async def _reset(world: World, token: str, password: str = OTHER_PASSWORD) -> httpx2.Response:
    body = {"token": token, "password": password, "client": world.client}
    return await world.post("/password-resets", body, "PUT")


async def test_a_changed_password_ends_all_other_sessions(world: World) -> None:
    mine = await world.person(kind="web")
    await world.confirm_address(mine.email)
    others = [await world.log_in(mine.email, kind=kind) for kind in ("web", "api")]
    assert (await _change(mine)).status_code == 204
    assert await world.is_alive(mine.session_id)
    for other, way in zip(others, ("access", "refresh"), strict=True):
        assert not await world.is_alive(other.session_id)
        answer = await world.exchange(other.tokens["token"], way)
        assert is_problem(answer, 401, "unauthenticated")
    assert (await world.try_login(mine.email)).status_code == 401
    assert (await world.try_login(mine.email, OTHER_PASSWORD)).status_code == 201
    mail = await world.mail(mine.email, "password_changed")
    assert mail["details"]["device"] == "Firefox on Linux"
    assert mail["details"]["address"] == world.client["address"]
    assert "password_changed" in await mine.log_kinds()


async def test_who_reads_the_mail_is_not_shut_out_by_failures_of_before(world: World) -> None:
    person = await world.person()
    for _ in range(10):
        await world.try_login(person.email, OTHER_PASSWORD)
    assert (await world.try_login(person.email)).status_code == 429
    token = await _link(world, person.email)
    assert (await _reset(world, token)).status_code == 204
    assert (await world.try_login(person.email, OTHER_PASSWORD)).status_code == 201


async def test_a_flood_of_registrations_shuts_nobody_out_who_forgot(
    variant: Variant,
) -> None:
    async with variant(limits={"registrations": 2}) as strict:
        strict.clock.let_pass(days=2000)  # apart from the registrations of other tests
        person = await strict.person()
        await strict.person()
        assert is_problem(await strict.register(address()), 429, "too_many_attempts")
        await _link(strict, person.email)


async def test_a_changed_password_ends_what_a_thief_wished_for(world: World) -> None:
    """Whoever knew the old one may have asked for an address of theirs."""
    person, theirs = await world.person(), address()
    body = {"name": "backup", "scopes": ["files:read"]}
    kept = (await person.ask("POST", "/tokens", body)).json()["token"]
    await person.ask("POST", "/me/email", {"password": PASSWORD, "email": theirs})
    link = (await world.mail(theirs, "confirm_new_email"))["token"]
    assert (await _change(person)).status_code == 204
    assert (await person.get("/me"))["pending_email"] is None
    assert is_problem(await world.confirm(link), 422, "link_invalid")
    assert (await person.get("/me"))["email"] == person.email
    # The mail says so: only a reset revokes API tokens.
    assert (await world.post("/tokens/access", {"token": kept})).status_code == 200


async def test_an_address_nobody_has_confirmed_gets_no_news_of_the_account(world: World) -> None:
    """It may be a stranger's, whom somebody wants to annoy."""
    person = await world.person(client=somewhere(device="laptop"))
    await world.log_in(person.email, client=somewhere(device="phone"))
    assert (await _change(person)).status_code == 204
    assert await world.mail_kinds(person.email) == ["confirm_email"]


async def test_right_answers_are_counted_too_because_each_costs_a_hash(
    variant: Variant,
) -> None:
    async with variant(limits={"reauthentications": 4}) as strict:
        person = await strict.person()
        body = {"password": PASSWORD, "email": person.email}
        asked = (person.ask("POST", "/me/email", body) for _ in range(9))
        answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [202] * 4 + [429] * 5


async def test_a_wrong_current_password_changes_nothing(world: World) -> None:
    person = await world.person()
    assert is_problem(await _change(person, current=OTHER_PASSWORD), 422, "wrong_password")
    assert (await world.try_login(person.email)).status_code == 201
    assert "password_refused" in await person.log_kinds()


async def test_the_same_password_is_no_new_one(world: World) -> None:
    person = await world.person()
    other = await world.log_in(person.email)
    assert is_problem(await _change(person, PASSWORD), 422, "password_unchanged")
    assert (await other.get("/me"))["email"] == person.email, "no session was ended"
    assert "password_changed" not in await person.log_kinds()


async def test_of_parallel_changes_one_wins(world: World) -> None:
    person = await world.person()
    new = [f"{OTHER_PASSWORD} {number}" for number in range(4)]
    answers = await asyncio.gather(*(_change(person, password) for password in new))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422, 422]
    logins = [(await world.try_login(person.email, password)).status_code for password in new]
    assert sorted(logins) == [201, 401, 401, 401]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("x" * 7, "password_too_short"),
        ("x" * 1025, "password_too_long"),
        ("x" * 60_000, "invalid"),
        ("wombats\0juggle", "password_unreadable"),
        ("qwertyuiop", "password_too_weak"),
    ],
    ids=lambda value: value[:12],
)
async def test_a_new_password_follows_the_rules_of_the_first(
    world: World, password: str, code: str
) -> None:
    person = await world.person()
    assert is_problem(await _change(person, password), 422, code)
    token = await _link(world, person.email)
    assert is_problem(await _reset(world, token, password), 422, code)
    assert (await _reset(world, token)).status_code == 204


async def test_a_forgotten_password_is_replaced_by_the_link_in_the_mail(world: World) -> None:
    person = await world.person()
    token = await _link(world, person.email)
    mail = await world.mail(person.email, "reset_password")
    assert datetime.fromisoformat(mail["expires_at"]) == world.clock.now + timedelta(hours=1)
    assert (await _reset(world, token)).status_code == 204
    assert (await world.try_login(person.email)).status_code == 401
    again = await world.log_in(person.email, OTHER_PASSWORD)
    assert (await world.mail_kinds(person.email))[-1] == "password_changed"
    assert "password_reset" in await again.log_kinds()
    assert is_problem(await _reset(world, token, PASSWORD), 422, "link_invalid")
    for other in (mail["token"],):
        assert is_problem(await _reset(world, other, PASSWORD), 422, "link_invalid")


async def test_a_reset_is_done_though_what_follows_it_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise DatabaseAway

    person = await world.person()
    token = await _link(world, person.email)
    monkeypatch.setattr(throttling, "reset", away)
    assert (await _reset(world, token)).status_code == 204
    monkeypatch.undo()
    assert (await world.try_login(person.email, OTHER_PASSWORD)).status_code == 201


async def test_nothing_made_before_outlives_a_reset(world: World) -> None:
    """Whoever registered with my address, or had my password, has nothing left."""
    thief = await world.person(kind="web", client=somewhere(device="thief's"))
    body = {"name": "backdoor", "scopes": ["files:read"]}
    made = (await thief.ask("POST", "/tokens", body)).json()
    wish = {"password": PASSWORD, "email": address()}
    await thief.ask("POST", "/me/email", wish)
    change = (await world.mail(wish["email"], "confirm_new_email"))["token"]
    assert (await _reset(world, await _link(world, thief.email))).status_code == 204
    assert not await world.is_alive(thief.session_id)
    token = await world.post("/tokens/access", {"token": made["token"]})
    assert is_problem(token, 401, "unauthenticated")
    assert is_problem(await world.confirm(change), 422, "link_invalid")
    mine = await world.log_in(thief.email, OTHER_PASSWORD)
    me = await mine.get("/me")
    assert (me["pending_email"], me["email_confirmed"]) == (None, True)


async def test_a_link_to_a_new_password_ends_after_an_hour(world: World) -> None:
    person = await world.person()
    token = await _link(world, person.email)
    world.clock.let_pass(hours=1, seconds=1)
    assert is_problem(await _reset(world, token), 422, "link_invalid")


async def test_links_end_when_the_password_or_the_address_changes(world: World) -> None:
    person = await world.person()
    token = await _link(world, person.email)
    await _change(person)
    assert is_problem(await _reset(world, token, PASSWORD), 422, "link_invalid")
    token, new = await _link(world, person.email), address()
    await person.ask("POST", "/me/email", {"password": OTHER_PASSWORD, "email": new})
    await world.confirm((await world.mail(new, "confirm_new_email"))["token"], OTHER_PASSWORD)
    assert is_problem(await _reset(world, token, PASSWORD), 422, "link_invalid")


async def test_links_work_only_for_what_they_were_sent(world: World) -> None:
    person = await world.person()
    await person.ask("POST", "/me/email", {"password": PASSWORD, "email": (new := address())})
    confirming = (await world.mail(new, "confirm_new_email"))["token"]
    assert is_problem(await _reset(world, confirming), 422, "link_invalid")
    resetting = await _link(world, person.email)
    assert is_problem(await world.confirm(resetting), 422, "link_invalid")


async def test_of_parallel_resets_by_one_link_one_succeeds(world: World) -> None:
    person = await world.person()
    token = await _link(world, person.email)
    answers = await asyncio.gather(*(_reset(world, token) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204] + [422] * 4


async def test_nobody_learns_by_asking_whether_an_account_exists(world: World) -> None:
    person = await world.person()
    answers, slow = list[Any](), list[bool]()
    for email in (person.email, address(), "not an address", "\0"):
        started = time.perf_counter()
        answer = await _forget(world, email)
        slow.append(time.perf_counter() - started >= RESPONSE_SECONDS)
        answers.append((answer.status_code, answer.content))
    assert answers == [(202, b"{}")] * 4
    assert all(slow)


async def test_nobody_is_flooded_with_links(world: World) -> None:
    person = await world.person()
    for _ in range(7):
        assert (await _forget(world, person.email)).status_code == 202
    assert (await world.mail_kinds(person.email)).count("reset_password") == 5


async def test_registrations_by_others_do_not_block_a_forgotten_password(world: World) -> None:
    person = await world.person()
    for _ in range(7):
        assert (await world.register(person.email)).status_code == 202
    assert (await _reset(world, await _link(world, person.email))).status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": 3},
        {"email": None},
        {"email": "a\ud800@example.org"},
        {"email": "x" * 1001},
        {"email": "ann@example.org", "is_admin": True},
    ],
    ids=lambda body: repr(body)[:40],
)
async def test_wrong_shapes_are_refused(world: World, body: dict[str, object]) -> None:
    assert is_problem(await world.post("/password-resets", body), 422, "invalid")
    assert is_problem(await world.post("/password-resets", body, "PUT"), 422, "invalid")
    person = await world.person()
    assert is_problem(await person.ask("POST", "/me/password", {"a": 1}), 422, "invalid")
    assert is_problem(await person.ask("POST", "/me/email", {"a": 1}), 422, "invalid")


async def test_the_database_keeps_no_password_token_or_link(world: World) -> None:
    person = await world.person(client={"address": "", "user_agent": FIREFOX, "device": "biscuit"})
    token = await _link(world, person.email)
    made = (await person.ask("POST", "/tokens", {"name": "ci", "scopes": ["account"]})).json()
    everything = await world.everything()
    assert person.email in everything
    for secret in (PASSWORD, person.tokens["token"], token, made["token"], "biscuit"):
        assert secret not in everything
        assert secret.encode().hex() not in everything
    events = await world.rows("SELECT e::text FROM events e")
    assert person.email not in "\n".join(row[0] for row in events)
