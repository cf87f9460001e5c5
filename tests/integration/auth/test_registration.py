"""Making an account, and proving that its address is one's own."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.auth.adapters.bcrypt_hasher import BcryptHasher
from services.auth.adapters.fair_pool import FairPool
from tests.integration.auth.world import (
    OTHER_PASSWORD,
    PASSWORD,
    Variant,
    World,
    address,
    somewhere,
)
from tests.support.apps import is_problem

CYRILLIC = (
    "съешь же ещё этих мягких французских булок, да выпей чаю; потом вздремни"
    " под яблоней до вечера, друг мой, и приходи завтра опять"
)
assert sum(map(str.isalpha, CYRILLIC)) >= 100
CONFIRMED = {"kind": "confirm_email", "session": None}


async def test_a_person_registers_logs_in_and_sees_their_account(world: World) -> None:
    email = address()
    answer = await world.register(email)
    assert (answer.status_code, answer.json()) == (202, {})
    person = await world.log_in(email)
    me = await person.get("/me")
    assert datetime.fromisoformat(me.pop("created_at")) == world.clock.now
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
    assert await world.events(person.user_id) == [
        (1, "UserRegistered"),
        (2, "AccountMailRequested"),
    ]
    assert await person.log_kinds() == ["registered", "signed_in"]


async def test_the_link_in_the_mail_confirms_the_address_once(world: World) -> None:
    person = await world.person()
    mail = await world.mail(person.email, "confirm_email")
    assert (mail["email"], mail["language"]) == (person.email, "ru")
    assert datetime.fromisoformat(mail["expires_at"]) == world.clock.now + timedelta(days=7)
    answer = await world.confirm(mail["token"])
    assert (answer.status_code, answer.json()) == (200, CONFIRMED)
    assert (await person.get("/me"))["email_confirmed"]
    assert is_problem(await world.confirm(mail["token"]), 422, "link_invalid")
    assert [kind for _, kind in await world.events(person.user_id)].count("EmailConfirmed") == 1
    assert (await person.log_kinds())[-1] == "email_confirmed"


async def test_of_parallel_uses_of_a_link_one_counts(world: World) -> None:
    person = await world.person()
    token = (await world.mail(person.email, "confirm_email"))["token"]
    answers = await asyncio.gather(*(world.confirm(token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 7


async def test_a_mail_sent_twice_holds_two_links_of_which_one_works(world: World) -> None:
    """The first attempt may have arrived although the mail server did not say so."""
    person = await world.person()
    first = (await world.mail(person.email, "confirm_email"))["token"]
    second = (await world.mail(person.email, "confirm_email"))["token"]
    assert first != second
    assert (await world.confirm(first)).status_code == 200
    assert is_problem(await world.confirm(second), 422, "link_invalid")


async def test_a_link_ends_after_a_week(world: World) -> None:
    person = await world.person()
    token = (await world.mail(person.email, "confirm_email"))["token"]
    world.clock.let_pass(days=7, seconds=1)
    assert is_problem(await world.confirm(token), 422, "link_invalid")


@pytest.mark.parametrize("token", ["x", "\0", "' OR 1=1 --", "ключ", "x" * 200])
async def test_a_link_nobody_sent_is_worth_nothing(world: World, token: str) -> None:
    assert is_problem(await world.confirm(token), 422, "link_invalid")
    body = {"token": token, "password": OTHER_PASSWORD}
    assert is_problem(await world.post("/password-resets", body, "PUT"), 422, "link_invalid")


async def test_whoever_waits_for_the_mail_may_ask_again_but_not_without_end(world: World) -> None:
    person = await world.person()
    for _ in range(9):
        world.clock.let_pass(minutes=15)
        answer = await person.ask("POST", "/confirmations/again")
        assert (answer.status_code, answer.json()) == (202, {})
        again = await person.ask("POST", "/confirmations/again")
        assert is_problem(again, 429, "too_many_attempts")
        assert 0 < int(again.headers["retry-after"]) <= 60
    world.clock.let_pass(minutes=15)
    assert (await person.ask("POST", "/confirmations/again")).status_code == 202
    eleventh = await person.ask("POST", "/confirmations/again")
    assert is_problem(eleventh, 429, "too_many_attempts")
    assert int(eleventh.headers["retry-after"]) > 75_000
    assert await world.mail_kinds(person.email) == ["confirm_email"] * 11


async def test_an_address_gets_five_such_mails_an_hour_however_often_it_is_asked_for(
    world: World,
) -> None:
    person = await world.person()
    for _ in range(8):
        world.clock.let_pass(minutes=1, seconds=1)
        answer = await person.ask("POST", "/confirmations/again")
        assert (answer.status_code, answer.json()) == (202, {})
    assert await world.mail_kinds(person.email) == ["confirm_email"] * 5


async def test_a_new_account_does_not_begin_the_count_of_its_address_anew(world: World) -> None:
    """Otherwise one writes to a stranger without end by registering, erasing, registering."""
    victim, users = address(), []
    for _ in range(8):
        assert (await world.register(victim)).status_code == 202
        person = await world.log_in(victim)
        users.append(person.user_id)
        answer = await person.ask("POST", "/me/erasure", {"password": PASSWORD})
        assert answer.status_code == 204
    kinds = [kind for user_id in users for _, kind in await world.events(user_id)]
    assert kinds.count("UserRegistered") == 8
    assert kinds.count("AccountMailRequested") == 5
    world.clock.let_pass(hours=1, seconds=1)
    await world.register(victim)
    assert await world.mail_kinds(victim) == ["confirm_email"]


async def test_who_has_confirmed_is_not_written_to_again(world: World) -> None:
    person = await world.person()
    [(_, request_id)] = await world.requests(person.email)
    await world.confirm_address(person.email)
    again = await person.ask("POST", "/confirmations/again")
    assert is_problem(again, 409, "email_already_confirmed")
    assert await world.mail_kinds(person.email) == ["confirm_email"]
    late = await world.as_notifier("POST", f"/account-mails/{request_id}")
    assert is_problem(late, 404, "not_found")


async def test_a_mail_that_could_not_be_sent_for_a_week_is_not_wanted_any_more(
    world: World,
) -> None:
    person = await world.person()
    [(_, request_id)] = await world.requests(person.email)
    world.clock.let_pass(days=7, seconds=1)
    late = await world.as_notifier("POST", f"/account-mails/{request_id}")
    assert is_problem(late, 404, "not_found")
    unknown = await world.as_notifier("POST", f"/account-mails/{uuid4()}")
    assert is_problem(unknown, 404, "not_found")


async def test_the_known_and_the_unknown_address_get_the_same_answer(world: World) -> None:
    email = address()
    first = await world.register(email)
    for spelling in (email, email.upper(), email.capitalize()):
        again = await world.register(spelling, OTHER_PASSWORD)
        assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (await world.try_login(email.upper())).status_code == 201
    assert (await world.try_login(email, OTHER_PASSWORD)).status_code == 401


async def test_the_owner_of_a_known_address_is_told_but_not_flooded(world: World) -> None:
    person = await world.person()
    for _ in range(12):
        assert (await world.register(person.email)).status_code == 202
    assert await world.mail_kinds(person.email) == ["confirm_email"] + ["already_registered"] * 5
    mail = await world.mail(person.email, "already_registered")
    assert (mail["email"], mail["token"], mail["expires_at"]) == (person.email, None, None)
    world.clock.let_pass(hours=1, seconds=1)
    await world.register(person.email)
    assert (await world.mail_kinds(person.email)).count("already_registered") == 6


async def test_twenty_registrations_at_once_are_one_account(world: World) -> None:
    email = address()
    answers = await asyncio.gather(*(world.register(email) for _ in range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"{}")}
    [(user_id,)] = await world.rows("SELECT user_id FROM users WHERE email = :email", email=email)
    kinds = [kind for _, kind in await world.events(user_id)]
    assert kinds.count("UserRegistered") == 1
    assert await world.mail_kinds(email) == ["confirm_email"] + ["already_registered"] * 5


async def test_parallel_registrations_leave_no_holes_in_any_stream(world: World) -> None:
    emails = [address() for _ in range(7)]
    await asyncio.gather(*(world.register(email) for email in emails * 3))
    rows = await world.rows(
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
    async with variant(hasher=BcryptHasher("pepper", 4, pool)) as world:
        answer = await world.register(email, password)
    assert is_problem(answer, 422, code)
    assert len(answer.content) < 1000
    assert not email or email not in answer.text
    assert password in {"password", "prereview"} or password not in answer.text


async def test_a_weak_password_is_refused_with_reasons_as_code_words(world: World) -> None:
    params = (await world.register(address(), "Password1!")).json()["params"]
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
async def test_wrong_shapes_are_refused(world: World, change: dict[str, object]) -> None:
    body = {"email": address(), "password": PASSWORD} | change
    assert is_problem(await world.post("/users", body), 422, "invalid")


@pytest.mark.parametrize(
    "password", ["8 signs!", f"{PASSWORD} {'y' * 180}", CYRILLIC, "😀 tea 🫖 moss 🐌"]
)
async def test_long_passwords_count_to_the_last_letter(world: World, password: str) -> None:
    email = address()
    assert (await world.register(email, password)).status_code == 202
    assert (await world.try_login(email, password)).status_code == 201
    assert (await world.try_login(email, password[:-1])).status_code == 401


async def test_registrations_are_limited_by_client_address(world: World) -> None:
    client = somewhere()
    for _ in range(100):
        assert is_problem(
            await world.register(address(), "password", client=client), 422, "password_too_weak"
        )
    refused = await world.register(address(), client=client)
    assert is_problem(refused, 429, "too_many_attempts")
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert (await world.register(address(), client=somewhere())).status_code == 202
    world.clock.let_pass(hours=1, seconds=1)
    assert (await world.register(address(), client=client)).status_code == 202


async def test_only_the_notifier_asks_for_addresses(world: World) -> None:
    person = await world.person()
    people = {"user_ids": [str(person.user_id), str(uuid4())]}
    assert is_problem(await world.post("/contacts", people), 403, "forbidden")
    assert is_problem(await person.ask("POST", "/contacts", people), 401, "unauthenticated")
    answer = await world.as_notifier("POST", "/contacts", people)
    [found] = answer.json()["contacts"]  # and not who is unknown
    assert UUID(found.pop("user_id")) == person.user_id
    assert found == {
        "email": person.email,
        "language": "ru",
        "time_zone": "auto",
        "confirmed": False,
    }
    await world.confirm_address(person.email)
    assert (await world.contact(person.user_id) or {})["confirmed"]


async def test_addresses_of_many_are_asked_for_at_once_and_of_too_many_not(world: World) -> None:
    people = [await world.person() for _ in range(3)]
    ids = [str(person.user_id) for person in people]
    answer = await world.as_notifier("POST", "/contacts", {"user_ids": ids * 2})
    assert {one["email"] for one in answer.json()["contacts"]} == {one.email for one in people}
    assert len(answer.json()["contacts"]) == 3
    too_many = {"user_ids": [str(uuid4()) for _ in range(1001)]}
    assert is_problem(await world.as_notifier("POST", "/contacts", too_many), 422, "invalid")
