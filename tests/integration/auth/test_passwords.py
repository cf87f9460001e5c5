"""Passwords: changed, forgotten, replaced; and what ends when they are."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from services.auth.use_cases import throttling
from services.auth.use_cases.unsolicited_mail import RESPONSE_SECONDS
from shared.db import DatabaseUnavailable
from tests.integration.auth.harness import (
    FIREFOX,
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    Person,
    Variant,
    new_client,
    new_email,
)
from tests.support.apps import is_problem


async def _change(
    person: Person, new: str = OTHER_PASSWORD, current: str = PASSWORD
) -> httpx2.Response:
    body = {"current_password": current, "new_password": new}
    return await person.request("POST", "/me/password", body)


async def _forget(harness: AuthHarness, email: str) -> httpx2.Response:
    return await harness.post("/password-resets", {"email": email, "client": harness.client})


async def _link(harness: AuthHarness, email: str) -> str:
    assert (await _forget(harness, email)).status_code == 202
    return str((await harness.mail(email, "reset_password"))["token"])


async def _reset(
    harness: AuthHarness, token: str, password: str = OTHER_PASSWORD
) -> httpx2.Response:
    body = {"token": token, "password": password, "client": harness.client}
    return await harness.post("/password-resets", body, "PUT")


async def test_a_changed_password_ends_all_other_sessions(harness: AuthHarness) -> None:
    mine = await harness.new_person(kind="web")
    await harness.confirm_address(mine.email)
    others = [await harness.log_in(mine.email, kind=kind) for kind in ("web", "api")]
    assert (await _change(mine)).status_code == 204
    assert await harness.is_active(mine.session_id)
    for other, way in zip(others, ("access", "refresh"), strict=True):
        assert not await harness.is_active(other.session_id)
        answer = await harness.exchange(other.tokens["token"], way)
        assert is_problem(answer, 401, "unauthenticated")
    assert (await harness.try_login(mine.email)).status_code == 401
    assert (await harness.try_login(mine.email, OTHER_PASSWORD)).status_code == 201
    mail = await harness.mail(mine.email, "password_changed")
    assert mail["details"]["device"] == "Firefox on Linux"
    assert mail["details"]["address"] == harness.client["address"]
    assert "password_changed" in await mine.security_log_kinds()


async def test_who_reads_the_mail_is_not_shut_out_by_failures_of_before(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    for _ in range(10):
        await harness.try_login(person.email, OTHER_PASSWORD)
    assert (await harness.try_login(person.email)).status_code == 429
    token = await _link(harness, person.email)
    assert (await _reset(harness, token)).status_code == 204
    assert (await harness.try_login(person.email, OTHER_PASSWORD)).status_code == 201


async def test_a_flood_of_registrations_shuts_nobody_out_who_forgot(
    variant: Variant,
) -> None:
    async with variant(limits={"registrations_altogether": 2}) as strict:
        strict.clock.advance(days=2000)  # apart from the registrations of other tests
        person = await strict.new_person()
        await strict.new_person()
        assert is_problem(await strict.register(new_email()), 429, "too_many_attempts")
        await _link(strict, person.email)


async def test_a_changed_password_ends_what_a_thief_wished_for(harness: AuthHarness) -> None:
    """Whoever knew the old one may have asked for an address of theirs."""
    person, theirs = await harness.new_person(), new_email()
    body = {"name": "backup", "scopes": ["files:read"]}
    kept = (await person.request("POST", "/tokens", body)).json()["token"]
    await person.request("POST", "/me/email", {"password": PASSWORD, "email": theirs})
    link = (await harness.mail(theirs, "confirm_new_email"))["token"]
    assert (await _change(person)).status_code == 204
    assert (await person.get("/me"))["pending_email"] is None
    assert is_problem(await harness.confirm(link), 422, "link_invalid")
    assert (await person.get("/me"))["email"] == person.email
    # The mail says so: only a reset revokes API tokens.
    assert (await harness.post("/tokens/access", {"token": kept})).status_code == 200


async def test_an_address_nobody_has_confirmed_gets_no_news_of_the_account(
    harness: AuthHarness,
) -> None:
    """It may be a stranger's, whom somebody wants to annoy."""
    person = await harness.new_person(client=new_client(device="laptop"))
    await harness.log_in(person.email, client=new_client(device="phone"))
    assert (await _change(person)).status_code == 204
    assert await harness.mail_kinds(person.email) == ["confirm_email"]


async def test_right_answers_are_counted_too_because_each_costs_a_hash(
    variant: Variant,
) -> None:
    async with variant(limits={"reauthentications": 4}) as strict:
        person = await strict.new_person()
        body = {"password": PASSWORD, "email": person.email}
        asked = (person.request("POST", "/me/email", body) for _ in range(9))
        answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [202] * 4 + [429] * 5


async def test_a_wrong_current_password_changes_nothing(harness: AuthHarness) -> None:
    person = await harness.new_person()
    assert is_problem(await _change(person, current=OTHER_PASSWORD), 422, "wrong_password")
    assert (await harness.try_login(person.email)).status_code == 201
    assert "password_refused" in await person.security_log_kinds()


async def test_the_same_password_is_no_new_one(harness: AuthHarness) -> None:
    person = await harness.new_person()
    other = await harness.log_in(person.email)
    assert is_problem(await _change(person, PASSWORD), 422, "password_unchanged")
    assert (await other.get("/me"))["email"] == person.email, "no session was ended"
    assert "password_changed" not in await person.security_log_kinds()


async def test_of_parallel_changes_one_wins(harness: AuthHarness) -> None:
    person = await harness.new_person()
    new = [f"{OTHER_PASSWORD} {number}" for number in range(4)]
    answers = await asyncio.gather(*(_change(person, password) for password in new))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422, 422]
    logins = [(await harness.try_login(person.email, password)).status_code for password in new]
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
    harness: AuthHarness, password: str, code: str
) -> None:
    person = await harness.new_person()
    assert is_problem(await _change(person, password), 422, code)
    token = await _link(harness, person.email)
    assert is_problem(await _reset(harness, token, password), 422, code)
    assert (await _reset(harness, token)).status_code == 204


async def test_a_forgotten_password_is_replaced_by_the_link_in_the_mail(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    token = await _link(harness, person.email)
    mail = await harness.mail(person.email, "reset_password")
    assert datetime.fromisoformat(mail["expires_at"]) == harness.clock.now + timedelta(hours=1)
    assert (await _reset(harness, token)).status_code == 204
    assert (await harness.try_login(person.email)).status_code == 401
    again = await harness.log_in(person.email, OTHER_PASSWORD)
    assert (await harness.mail_kinds(person.email))[-1] == "password_changed"
    assert "password_reset" in await again.security_log_kinds()
    assert is_problem(await _reset(harness, token, PASSWORD), 422, "link_invalid")
    for other in (mail["token"],):
        assert is_problem(await _reset(harness, other, PASSWORD), 422, "link_invalid")


async def test_a_reset_is_done_though_what_follows_it_fails(
    harness: AuthHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise DatabaseUnavailable

    person = await harness.new_person()
    token = await _link(harness, person.email)
    monkeypatch.setattr(throttling, "reset", away)
    assert (await _reset(harness, token)).status_code == 204
    monkeypatch.undo()
    assert (await harness.try_login(person.email, OTHER_PASSWORD)).status_code == 201


async def test_nothing_made_before_outlives_a_reset(harness: AuthHarness) -> None:
    """Whoever registered with my address, or had my password, has nothing left."""
    thief = await harness.new_person(kind="web", client=new_client(device="thief's"))
    body = {"name": "backdoor", "scopes": ["files:read"]}
    made = (await thief.request("POST", "/tokens", body)).json()
    wish = {"password": PASSWORD, "email": new_email()}
    await thief.request("POST", "/me/email", wish)
    change = (await harness.mail(wish["email"], "confirm_new_email"))["token"]
    assert (await _reset(harness, await _link(harness, thief.email))).status_code == 204
    assert not await harness.is_active(thief.session_id)
    token = await harness.post("/tokens/access", {"token": made["token"]})
    assert is_problem(token, 401, "unauthenticated")
    assert is_problem(await harness.confirm(change), 422, "link_invalid")
    mine = await harness.log_in(thief.email, OTHER_PASSWORD)
    me = await mine.get("/me")
    assert (me["pending_email"], me["email_confirmed"]) == (None, True)


async def test_a_link_to_a_new_password_ends_after_an_hour(harness: AuthHarness) -> None:
    person = await harness.new_person()
    token = await _link(harness, person.email)
    harness.clock.advance(hours=1, seconds=1)
    assert is_problem(await _reset(harness, token), 422, "link_invalid")


async def test_links_end_when_the_password_or_the_address_changes(harness: AuthHarness) -> None:
    person = await harness.new_person()
    token = await _link(harness, person.email)
    await _change(person)
    assert is_problem(await _reset(harness, token, PASSWORD), 422, "link_invalid")
    token, new = await _link(harness, person.email), new_email()
    await person.request("POST", "/me/email", {"password": OTHER_PASSWORD, "email": new})
    await harness.confirm((await harness.mail(new, "confirm_new_email"))["token"], OTHER_PASSWORD)
    assert is_problem(await _reset(harness, token, PASSWORD), 422, "link_invalid")


async def test_links_work_only_for_what_they_were_sent(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await person.request("POST", "/me/email", {"password": PASSWORD, "email": (new := new_email())})
    confirming = (await harness.mail(new, "confirm_new_email"))["token"]
    assert is_problem(await _reset(harness, confirming), 422, "link_invalid")
    resetting = await _link(harness, person.email)
    assert is_problem(await harness.confirm(resetting), 422, "link_invalid")


async def test_of_parallel_resets_by_one_link_one_succeeds(harness: AuthHarness) -> None:
    person = await harness.new_person()
    token = await _link(harness, person.email)
    answers = await asyncio.gather(*(_reset(harness, token) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204] + [422] * 4


async def test_nobody_learns_by_asking_whether_an_account_exists(harness: AuthHarness) -> None:
    person = await harness.new_person()
    answers, slow = list[Any](), list[bool]()
    for email in (person.email, new_email(), "not an address", "\0"):
        started = time.perf_counter()
        answer = await _forget(harness, email)
        slow.append(time.perf_counter() - started >= RESPONSE_SECONDS)
        answers.append((answer.status_code, answer.content))
    assert answers == [(202, b"{}")] * 4
    assert all(slow)


async def test_nobody_is_flooded_with_links(harness: AuthHarness) -> None:
    person = await harness.new_person()
    for _ in range(7):
        assert (await _forget(harness, person.email)).status_code == 202
    assert (await harness.mail_kinds(person.email)).count("reset_password") == 5


async def test_registrations_by_others_do_not_block_a_forgotten_password(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    for _ in range(7):
        assert (await harness.register(person.email)).status_code == 202
    assert (await _reset(harness, await _link(harness, person.email))).status_code == 204


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
async def test_wrong_shapes_are_refused(harness: AuthHarness, body: dict[str, object]) -> None:
    assert is_problem(await harness.post("/password-resets", body), 422, "invalid")
    assert is_problem(await harness.post("/password-resets", body, "PUT"), 422, "invalid")
    person = await harness.new_person()
    assert is_problem(await person.request("POST", "/me/password", {"a": 1}), 422, "invalid")
    assert is_problem(await person.request("POST", "/me/email", {"a": 1}), 422, "invalid")


async def test_the_database_keeps_no_password_token_or_link(harness: AuthHarness) -> None:
    person = await harness.new_person(
        client={"address": "", "user_agent": FIREFOX, "device": "biscuit"}
    )
    token = await _link(harness, person.email)
    made = (await person.request("POST", "/tokens", {"name": "ci", "scopes": ["account"]})).json()
    everything = await harness.all_rows()
    assert person.email in everything
    for secret in (PASSWORD, person.tokens["token"], token, made["token"], "biscuit"):
        assert secret not in everything
        assert secret.encode().hex() not in everything
    events = await harness.rows("SELECT e::text FROM events e")
    assert person.email not in "\n".join(row[0] for row in events)
