"""Logging in: who is let in, who is not, and how often one may try."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import bcrypt
import pytest
import pytest_asyncio

from services.auth.domain.client_info import ClientInfo
from services.auth.domain.credentials import WrongCredentials
from services.auth.tables import users
from services.auth.use_cases.login import lock_credentials
from shared.contracts.http.auth import AccountMailDetails
from tests.integration.auth.world import (
    OTHER_PASSWORD,
    PASSWORD,
    SetClock,
    Variant,
    World,
    address,
    make_app,
    somewhere,
)
from tests.integration.conftest import Pools
from tests.support.apps import is_problem, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys


async def _fail(world: World, email: str, times: int, **more: object) -> None:
    for _ in range(times):
        answer = await world.try_login(email, OTHER_PASSWORD, **more)  # type: ignore[arg-type]
        assert is_problem(answer, 401, "wrong_credentials")


async def test_a_login_answers_with_tokens_and_preferences(world: World) -> None:
    person = await world.person(kind="web")
    assert person.tokens["expires_in"] == 600
    assert person.tokens["token"]
    assert person.tokens["preferences"] == {"language": "ru", "time_zone": "auto", "theme": "auto"}


async def test_nobody_learns_whether_an_account_exists(world: World) -> None:
    person = await world.person()
    unknown = await world.try_login(address(), client=somewhere())
    wrong = await world.try_login(person.email, OTHER_PASSWORD)
    bodies = [{**answer.json(), "request_id": ""} for answer in (unknown, wrong)]
    assert bodies[0] == bodies[1]
    assert is_problem(unknown, 401, "wrong_credentials")
    headers = [dict(answer.headers) | {"x-request-id": ""} for answer in (unknown, wrong)]
    assert headers[0] == headers[1]


async def test_an_account_costs_as_much_as_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of hashing, which is what the time of an answer is made of."""
    work: list[str] = []
    really = bcrypt.hashpw

    def hashing(password: bytes, salt: bytes) -> bytes:
        work.append(f"hash {salt[:6]!r}")
        return really(password, salt)

    person = await world.person()
    monkeypatch.setattr(bcrypt, "hashpw", hashing)
    costs = []
    for email in (person.email, address()):
        await world.try_login(email, OTHER_PASSWORD, client=somewhere())
        costs.append(list(work))
        work.clear()
    assert costs[0] == costs[1] != []
    for email in (person.email, address()):
        await world.register(email, OTHER_PASSWORD)
        costs.append(list(work))
        work.clear()
    assert costs[2] == costs[3] != []


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("\0", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("", ""),
        ("ann@example.org", "\0" * 8),
        ("ann@example.org", "x" * 10_000),
    ],
    ids=repr,
)
async def test_strange_credentials_are_just_wrong(world: World, email: str, password: str) -> None:
    assert is_problem(await world.try_login(email, password), 401, "wrong_credentials")


@pytest.mark.parametrize(
    "change",
    [
        {"is_admin": True},
        {"email": 17},
        {"email": "a\ud800@example.org"},
        {"password": ["x"]},
        {"password": "x" * 60_000},
        {"kind": "root"},
        {"kind": None},
        {"client": {"address": 1}},
    ],
    ids=lambda change: repr(change)[:40],
)
async def test_wrong_shapes_are_refused(world: World, change: dict[str, object]) -> None:
    body = {"email": address(), "password": PASSWORD, "kind": "api"} | change
    assert is_problem(await world.post("/sessions", body), 422, "invalid")


@pytest.mark.parametrize("size", [100_000, 1_000_000])
async def test_a_huge_password_is_not_even_read(world: World, size: int) -> None:
    for path in ("/sessions", "/users"):
        body = {"email": address(), "password": "x" * size}
        assert is_problem(await world.post(path, body), 413, "too_large")


async def test_the_eleventh_failure_is_refused_and_elsewhere_the_right_password_works(
    world: World,
) -> None:
    person = await world.person()
    await _fail(world, person.email, 10)
    for password in (OTHER_PASSWORD, PASSWORD):
        refused = await world.try_login(person.email, password)
        assert is_problem(refused, 429, "too_many_attempts")
        assert 0 < int(refused.headers["retry-after"]) <= 900
    assert (await world.try_login(person.email, client=somewhere())).status_code == 201
    assert is_problem(await world.try_login(person.email), 429, "too_many_attempts")
    world.clock.let_pass(minutes=15, seconds=1)
    assert (await world.try_login(person.email)).status_code == 201


async def test_an_unknown_account_is_throttled_exactly_alike(world: World) -> None:
    nobody = address()
    await _fail(world, nobody, 10)
    assert is_problem(await world.try_login(nobody), 429, "too_many_attempts")
    assert is_problem(await world.try_login(nobody.upper()), 429, "too_many_attempts")
    await _fail(world, nobody, 1, client=somewhere())


async def test_another_address_of_the_same_network_changes_nothing(world: World) -> None:
    person = await world.person()
    await _fail(world, person.email, 10)
    neighbour = {**world.client, "address": world.client["address"].replace("::1", "::2:3")}
    refused = await world.try_login(person.email, client=neighbour)
    assert is_problem(refused, 429, "too_many_attempts")


async def test_the_window_slides(world: World) -> None:
    person = await world.person()
    for _ in range(10):
        await _fail(world, person.email, 1)
        world.clock.let_pass(minutes=1)
    refused = await world.try_login(person.email, OTHER_PASSWORD)
    assert refused.headers["retry-after"] == "300"
    world.clock.let_pass(minutes=5, seconds=1)
    await _fail(world, person.email, 1)
    assert is_problem(await world.try_login(person.email), 429, "too_many_attempts")


async def test_success_forgives_the_person_but_not_the_address(world: World) -> None:
    person = await world.person()
    await _fail(world, person.email, 9)
    assert (await world.try_login(person.email)).status_code == 201
    await _fail(world, person.email, 10)
    assert is_problem(await world.try_login(person.email), 429, "too_many_attempts")


async def test_one_address_may_not_try_everybody(world: World) -> None:
    person = await world.person()
    for _ in range(10):
        await _fail(world, address(), 10)
    assert is_problem(await world.try_login(person.email), 429, "too_many_attempts")
    assert (await world.try_login(person.email, client=somewhere())).status_code == 201


async def test_a_known_device_is_let_in_while_the_whole_world_guesses(world: World) -> None:
    person = await world.person(kind="web", client=somewhere(device="my laptop"))
    for _ in range(10):
        await _fail(world, person.email, 10, client=somewhere())
    stranger = await world.try_login(person.email, client=somewhere())
    assert is_problem(stranger, 429, "too_many_attempts")
    strange_device = await world.try_login(person.email, client=somewhere(device="another"))
    assert is_problem(strange_device, 429, "too_many_attempts")
    mine = await world.try_login(person.email, client=somewhere(device="my laptop"))
    assert mine.status_code == 201


async def test_a_known_device_is_let_in_while_everybody_is_being_guessed(
    world: World, variant: Variant
) -> None:
    world.clock.let_pass(minutes=15, seconds=1)
    async with variant(limits={"failures": 1}) as strict:
        person = await strict.person(kind="web", client=somewhere(device="desktop"))
        await _fail(strict, address(), 1, client=somewhere())
        stranger = await strict.try_login(person.email, client=somewhere())
        assert is_problem(stranger, 429, "too_many_attempts")
        mine = somewhere(device="desktop")
        assert (await strict.try_login(person.email, client=mine)).status_code == 201
        await _fail(strict, person.email, 10, client=mine)
        refused = await strict.try_login(person.email, client=mine)
        assert is_problem(refused, 429, "too_many_attempts")
    world.clock.let_pass(minutes=15, seconds=1)


async def test_right_passwords_are_counted_too_because_each_costs_a_hash(
    world: World, variant: Variant
) -> None:
    person = await world.person()
    async with variant(limits={"logins_per_account_and_address": 6}) as strict:
        answers = await asyncio.gather(*(strict.try_login(person.email) for _ in range(9)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] * 5 + [429] * 4
        refused = await strict.try_login(person.email)
        assert is_problem(refused, 429, "too_many_attempts")
        assert 0 < int(refused.headers["retry-after"]) <= 900
        elsewhere = await strict.try_login(person.email, client=somewhere())
        assert elsewhere.status_code == 201
        strict.clock.let_pass(minutes=15, seconds=1)
        assert (await strict.try_login(person.email)).status_code == 201


async def test_parallel_guesses_get_ten_answers_and_no_more(world: World) -> None:
    person = await world.person()
    wrong = [world.try_login(person.email, f"{OTHER_PASSWORD} {number}") for number in range(20)]
    answers = await asyncio.gather(*wrong)
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (10, 10)


async def test_the_throttle_survives_a_restart(
    keys: Keys, postgres: PrivateDatabase, pools: Pools
) -> None:
    clock, client, email = SetClock(), somewhere(), address()
    async with without_loops(make_app(keys, postgres, clock)) as app:
        await _fail(World(app, keys, clock, pools("auth"), client), email, 10)
    async with without_loops(make_app(keys, postgres, clock)) as app:
        again = World(app, keys, clock, pools("auth"), client)
        assert is_problem(await again.try_login(email), 429, "too_many_attempts")


async def test_the_throttle_keeps_neither_addresses_nor_names(world: World) -> None:
    email = address()
    await _fail(world, email, 1)
    rows = "\n".join(row[0] for row in await world.rows("SELECT t::text FROM throttle t"))
    for known in (email, world.client["address"], email.encode().hex()):
        assert known not in rows
    lengths = await world.rows("SELECT DISTINCT length(key) FROM throttle")
    assert [row[0] for row in lengths] == [16]


async def test_failures_stand_in_the_log_of_the_account(world: World) -> None:
    person = await world.person()
    burglar = somewhere(user_agent="curl/8.14.1")
    await _fail(world, person.email, 2, client=burglar)
    newest, before = (await person.get("/me/security-log"))["entries"][:2]
    assert (newest["kind"], newest["device"], newest["times"]) == ("sign_in_failed", "curl", 2)
    assert (before["kind"], before["times"]) == ("signed_in", 1)
    world.clock.let_pass(days=1)
    await _fail(world, person.email, 1, client=burglar)
    await _fail(world, person.email, 1, client=somewhere())
    entries = (await person.get("/me/security-log"))["entries"]
    assert [entry["times"] for entry in entries[:4]] == [1, 1, 2, 1], "another day, another place"
    assert newest["address"] == burglar["address"]


@pytest_asyncio.fixture
async def costlier(
    keys: Keys, postgres: PrivateDatabase, pools: Pools
) -> AsyncIterator[tuple[World, str]]:
    """The service after the cost of a hash was raised, and an address registered before."""
    clock, email = SetClock(), address()
    async with without_loops(make_app(keys, postgres, clock)) as app:
        await World(app, keys, clock, pools("auth")).register(email)
    async with without_loops(make_app(keys, postgres, clock, bcrypt_cost=5)) as app:
        yield World(app, keys, clock, pools("auth")), email


async def test_a_hash_of_an_old_cost_is_made_anew_at_login(costlier: tuple[World, str]) -> None:
    world, email = costlier
    hashes = []
    for _ in range(3):
        [(stored,)] = await world.rows(
            "SELECT password_hash FROM users WHERE email = :email", email=email
        )
        hashes.append(stored)
        await world.log_in(email)
    assert [stored[:7] for stored in hashes] == ["$2b$04$", "$2b$05$", "$2b$05$"]
    assert hashes[1] == hashes[2]


async def test_a_hash_made_anew_meanwhile_is_no_other_password(
    costlier: tuple[World, str],
) -> None:
    world, email = costlier
    logins = await asyncio.gather(*(world.try_login(email) for _ in range(6)))
    assert [login.status_code for login in logins] == [201] * 6


async def test_a_login_from_a_new_device_is_reported_but_not_the_first(world: World) -> None:
    first = somewhere(device="laptop")
    person = await world.person(kind="web", client=first)
    await world.confirm_address(person.email)
    again = {**somewhere(device="laptop"), "user_agent": "Another Browser/1.0"}
    await world.log_in(person.email, client=again)
    assert "new_sign_in" not in await world.mail_kinds(person.email)
    phone = somewhere(device="phone", user_agent="Mozilla/5.0 (iPhone) FxiOS/140.0 Safari/604.1")
    await world.log_in(person.email, client=phone)
    mail = await world.mail(person.email, "new_sign_in")
    assert AccountMailDetails(**mail["details"]) == AccountMailDetails(
        device="Firefox on iPhone", address=phone["address"], at=world.clock.now
    )
    await world.log_in(person.email, client=phone)
    assert (await world.mail_kinds(person.email)).count("new_sign_in") == 1


async def test_a_program_is_known_by_its_name_and_network(world: World) -> None:
    script = somewhere(user_agent="deploy-bot/2.1")
    person = await world.person(client=script)
    await world.confirm_address(person.email)
    await world.log_in(person.email, client=script)
    assert "new_sign_in" not in await world.mail_kinds(person.email)
    await world.log_in(person.email, client=somewhere(user_agent="deploy-bot/2.1"))
    assert (await world.mail_kinds(person.email)).count("new_sign_in") == 1


async def test_of_many_new_devices_five_an_hour_are_reported(world: World) -> None:
    person = await world.person()
    await world.confirm_address(person.email)
    for _ in range(8):
        await world.log_in(person.email, client=somewhere(device=address()))
    assert (await world.mail_kinds(person.email)).count("new_sign_in") == 5
    world.clock.let_pass(hours=1, seconds=1)
    await world.log_in(person.email, client=somewhere(device=address()))
    assert (await world.mail_kinds(person.email)).count("new_sign_in") == 6


async def test_who_does_not_want_it_hears_nothing_of_new_devices(world: World) -> None:
    person = await world.person(client=somewhere(device="laptop"))
    await world.confirm_address(person.email)
    await person.ask("PATCH", "/me", {"mail_on_new_device": False})
    await world.log_in(person.email, client=somewhere(device="phone"))
    assert "new_sign_in" not in await world.mail_kinds(person.email)


async def test_a_password_that_changes_during_the_login_does_not_let_in(world: World) -> None:
    person = await world.person()
    client_info = ClientInfo()
    async with world.database.transaction() as connection:
        proven = await users.find_credentials(connection, person.email, client_info)
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await person.ask("POST", "/me/password", body)).status_code == 204
    with pytest.raises(WrongCredentials):
        async with world.database.transaction() as connection:
            await lock_credentials(connection, proven)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/users"),
        ("POST", "/sessions"),
        ("POST", "/sessions/refresh"),
        ("POST", "/sessions/access"),
        ("GET", "/sessions/5b62aebd-9760-476f-94c3-ae3a02036fb4"),
        ("POST", "/confirmations"),
        ("POST", "/links"),
        ("POST", "/password-resets"),
        ("PUT", "/password-resets"),
        ("POST", "/tokens/access"),
    ],
)
async def test_only_the_gateway_speaks_for_people(world: World, method: str, path: str) -> None:
    assert is_problem(await world.as_notifier(method, path), 403, "forbidden")
    person = await world.person()
    assert is_problem(await person.ask(method, path), 401, "unauthenticated")


@pytest.mark.parametrize("path", [f"/account-mails/{uuid4()}"], ids=["account mail"])
async def test_only_the_notifier_gets_links(world: World, path: str) -> None:
    assert is_problem(await world.post(path, {}), 403, "forbidden")
    person = await world.person()
    assert is_problem(await person.ask("POST", path), 401, "unauthenticated")
