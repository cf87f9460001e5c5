"""Registering an account."""

import asyncio
from datetime import datetime

import pytest

from services.auth.adapters.bcrypt_hasher import BcryptHasher
from services.auth.adapters.fair_pool import FairPool
from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    Variant,
    new_client,
    new_email,
)
from tests.support.apps import is_problem

CYRILLIC = (
    "съешь же ещё этих мягких французских булок, да выпей чаю; потом вздремни"
    " под яблоней до вечера, друг мой, и приходи завтра опять"
)
assert sum(map(str.isalpha, CYRILLIC)) >= 100


async def test_a_person_registers_logs_in_and_sees_their_account(harness: AuthHarness) -> None:
    email = new_email()
    answer = await harness.register(email)
    assert (answer.status_code, answer.json()) == (202, {})
    person = await harness.log_in(email)
    me = await person.get("/me")
    assert datetime.fromisoformat(me.pop("created_at")) == harness.clock.now
    assert me == {
        "user_id": str(person.user_id),
        "email": email,
        "email_confirmed": False,
        "pending_email": None,
        "language": "ru",
        "time_zone": "auto",
        "theme": "auto",
        "mail_on_new_device": True,
    }
    assert await harness.events(person.user_id) == [
        (1, "UserRegistered"),
        (2, "AccountMailRequested"),
    ]
    assert await person.security_log_kinds() == ["registered", "signed_in"]


async def test_a_new_account_does_not_begin_the_count_of_its_address_anew(
    harness: AuthHarness,
) -> None:
    """Otherwise one writes to a stranger without end by registering, erasing, registering."""
    victim, users = new_email(), []
    for _ in range(8):
        assert (await harness.register(victim)).status_code == 202
        person = await harness.log_in(victim)
        users.append(person.user_id)
        answer = await person.request("POST", "/me/erasure", {"password": PASSWORD})
        assert answer.status_code == 204
    kinds = [kind for user_id in users for _, kind in await harness.events(user_id)]
    assert kinds.count("UserRegistered") == 8
    assert kinds.count("AccountMailRequested") == 5
    harness.clock.advance(hours=1, seconds=1)
    await harness.register(victim)
    assert await harness.mail_kinds(victim) == ["confirm_email"]


async def test_the_known_and_the_unknown_address_get_the_same_answer(harness: AuthHarness) -> None:
    email = new_email()
    first = await harness.register(email)
    for spelling in (email, email.upper(), email.capitalize()):
        again = await harness.register(spelling, OTHER_PASSWORD)
        assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (await harness.try_login(email.upper())).status_code == 201
    assert (await harness.try_login(email, OTHER_PASSWORD)).status_code == 401


async def test_the_owner_of_a_known_address_is_told_but_not_flooded(harness: AuthHarness) -> None:
    person = await harness.new_person()
    for _ in range(12):
        assert (await harness.register(person.email)).status_code == 202
    assert await harness.mail_kinds(person.email) == ["confirm_email"] + ["already_registered"] * 5
    mail = await harness.mail(person.email, "already_registered")
    assert (mail["email"], mail["token"], mail["expires_at"]) == (person.email, None, None)
    harness.clock.advance(hours=1, seconds=1)
    await harness.register(person.email)
    assert (await harness.mail_kinds(person.email)).count("already_registered") == 6


async def test_twenty_registrations_at_once_are_one_account(harness: AuthHarness) -> None:
    email = new_email()
    answers = await asyncio.gather(*(harness.register(email) for _ in range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"{}")}
    [(user_id,)] = await harness.rows("SELECT user_id FROM users WHERE email = :email", email=email)
    kinds = [kind for _, kind in await harness.events(user_id)]
    assert kinds.count("UserRegistered") == 1
    assert await harness.mail_kinds(email) == ["confirm_email"] + ["already_registered"] * 5


async def test_parallel_registrations_leave_no_holes_in_any_stream(harness: AuthHarness) -> None:
    emails = [new_email() for _ in range(7)]
    await asyncio.gather(*(harness.register(email) for email in emails * 3))
    rows = await harness.rows(
        "SELECT stream_id, array_agg(version ORDER BY version) FROM events GROUP BY stream_id"
    )
    assert len(rows) >= 7
    for _, versions in rows:
        assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize(
    ("email", "password", "code"),
    [
        ("", PASSWORD, "email_invalid"),
        ("a@b", PASSWORD, "email_invalid"),
        ("a@b..c", PASSWORD, "email_invalid"),
        (".a@b.c", PASSWORD, "email_invalid"),
        ("a@", PASSWORD, "email_invalid"),
        ("x" * 65 + "@example.org", PASSWORD, "email_invalid"),
        ("a\x07@example.org", PASSWORD, "email_invalid"),
        ("a\0@example.org", PASSWORD, "email_invalid"),
        ("a@example.org\r\nBcc: x@example.org", PASSWORD, "email_invalid"),
        ("a\ud800@example.org", PASSWORD, "invalid"),
        ("a@example.org,b@example.org", PASSWORD, "email_invalid"),
        ("a@example.org;b@example.org", PASSWORD, "email_invalid"),
        ("<a@b.c> x@y.z", PASSWORD, "email_invalid"),
        ('"a b"@example.org', PASSWORD, "email_invalid"),
        ("a@[127.0.0.1]", PASSWORD, "email_invalid"),
        ("x" * 2000 + "@example.org", PASSWORD, "invalid"),
        ("ann@example.org", "x" * 7, "password_too_short"),
        ("ann@example.org", "x" * 1025, "password_too_long"),
        ("ann@example.org", "x" * 60_000, "invalid"),
        ("ann@example.org", "pass\0word", "password_unreadable"),
        ("ann@example.org", "password\ud800", "invalid"),
        ("ann@example.org", "password", "password_too_weak"),
        ("ann@example.org", "12345678", "password_too_weak"),
        ("ann@example.org", "prereview", "password_too_weak"),
        ("ann.miller@example.org", "ann.miller1", "password_too_weak"),
        ("ann@example.org", "ж" * 100, "password_too_weak"),
    ],
    ids=lambda value: repr(value[:24]),
)
async def test_what_cannot_be_an_account_is_refused(
    variant: Variant, email: str, password: str, code: str
) -> None:
    pool = FairPool("refuses all work", 1, max_queued_per_network=0)
    async with variant(hasher=BcryptHasher("pepper", 4, pool)) as harness:
        answer = await harness.register(email, password)
    assert is_problem(answer, 422, code)
    assert len(answer.content) < 1000
    assert not email or email not in answer.text
    assert password in {"password", "prereview"} or password not in answer.text


async def test_a_weak_password_is_refused_with_reasons_as_code_words(harness: AuthHarness) -> None:
    params = (await harness.register(new_email(), "Password1!")).json()["params"]
    assert params == {
        "warning": "similar_to_common",
        "suggestion1": "add_words",
        "suggestion2": "capitals",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"is_admin": True},
        {"user_id": "5b62aebd-9760-476f-94c3-ae3a02036fb4"},
        {"email": None},
        {"email": 17},
        {"email": ["ann@example.org"]},
        {"password": 12345678},
        {"password": None},
        {"language": "de"},
        {"language": 1},
        {"client": "127.0.0.1"},
        {"client": {"address": "127.0.0.1", "is_admin": True}},
        {"client": {"address": "x" * 101}},
    ],
    ids=str,
)
async def test_wrong_shapes_are_refused(harness: AuthHarness, change: dict[str, object]) -> None:
    body = {"email": new_email(), "password": PASSWORD} | change
    assert is_problem(await harness.post("/users", body), 422, "invalid")


@pytest.mark.parametrize(
    "password", ["8 signs!", f"{PASSWORD} {'y' * 180}", CYRILLIC, "😀 tea 🫖 moss 🐌"]
)
async def test_long_passwords_count_to_the_last_letter(harness: AuthHarness, password: str) -> None:
    email = new_email()
    assert (await harness.register(email, password)).status_code == 202
    assert (await harness.try_login(email, password)).status_code == 201
    assert (await harness.try_login(email, password[:-1])).status_code == 401


async def test_registrations_are_limited_by_client_address(harness: AuthHarness) -> None:
    client = new_client()
    for _ in range(100):
        assert is_problem(
            await harness.register(new_email(), "password", client=client), 422, "password_too_weak"
        )
    refused = await harness.register(new_email(), client=client)
    assert is_problem(refused, 429, "too_many_attempts")
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert (await harness.register(new_email(), client=new_client())).status_code == 202
    harness.clock.advance(hours=1, seconds=1)
    assert (await harness.register(new_email(), client=client)).status_code == 202
