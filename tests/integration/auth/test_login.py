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
from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    ManualClock,
    Variant,
    make_app,
    new_client,
    new_email,
)
from tests.integration.conftest import Pools
from tests.support.apps import is_problem, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys


async def _fail(harness: AuthHarness, email: str, times: int, **more: object) -> None:
    for _ in range(times):
        answer = await harness.try_login(email, OTHER_PASSWORD, **more)  # type: ignore[arg-type]
        assert is_problem(answer, 401, "wrong_credentials")


async def test_a_login_answers_with_tokens_and_preferences(harness: AuthHarness) -> None:
    person = await harness.new_person(kind="web")
    assert person.tokens["expires_in"] == 600
    assert person.tokens["token"]
    assert person.tokens["preferences"] == {"language": "ru", "time_zone": "auto", "theme": "auto"}


async def test_nobody_learns_whether_an_account_exists(harness: AuthHarness) -> None:
    person = await harness.new_person()
    unknown = await harness.try_login(new_email(), client=new_client())
    wrong = await harness.try_login(person.email, OTHER_PASSWORD)
    bodies = [{**answer.json(), "request_id": ""} for answer in (unknown, wrong)]
    assert bodies[0] == bodies[1]
    assert is_problem(unknown, 401, "wrong_credentials")
    headers = [dict(answer.headers) | {"x-request-id": ""} for answer in (unknown, wrong)]
    assert headers[0] == headers[1]


async def test_an_account_costs_as_much_as_none(
    harness: AuthHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of hashing, which is what the time of an answer is made of."""
    work: list[str] = []
    really = bcrypt.hashpw

    def hashing(password: bytes, salt: bytes) -> bytes:
        work.append(f"hash {salt[:6]!r}")
        return really(password, salt)

    person = await harness.new_person()
    monkeypatch.setattr(bcrypt, "hashpw", hashing)
    costs = []
    for email in (person.email, new_email()):
        await harness.try_login(email, OTHER_PASSWORD, client=new_client())
        costs.append(list(work))
        work.clear()
    assert costs[0] == costs[1] != []
    for email in (person.email, new_email()):
        await harness.register(email, OTHER_PASSWORD)
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
async def test_strange_credentials_are_just_wrong(
    harness: AuthHarness, email: str, password: str
) -> None:
    assert is_problem(await harness.try_login(email, password), 401, "wrong_credentials")


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
async def test_wrong_shapes_are_refused(harness: AuthHarness, change: dict[str, object]) -> None:
    body = {"email": new_email(), "password": PASSWORD, "kind": "api"} | change
    assert is_problem(await harness.post("/sessions", body), 422, "invalid")


@pytest.mark.parametrize("size", [100_000, 1_000_000])
async def test_a_huge_password_is_not_even_read(harness: AuthHarness, size: int) -> None:
    for path in ("/sessions", "/users"):
        body = {"email": new_email(), "password": "x" * size}
        assert is_problem(await harness.post(path, body), 413, "too_large")


async def test_the_eleventh_failure_is_refused_and_elsewhere_the_right_password_works(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    await _fail(harness, person.email, 10)
    for password in (OTHER_PASSWORD, PASSWORD):
        refused = await harness.try_login(person.email, password)
        assert is_problem(refused, 429, "too_many_attempts")
        assert 0 < int(refused.headers["retry-after"]) <= 900
    assert (await harness.try_login(person.email, client=new_client())).status_code == 201
    assert is_problem(await harness.try_login(person.email), 429, "too_many_attempts")
    harness.clock.advance(minutes=15, seconds=1)
    assert (await harness.try_login(person.email)).status_code == 201


async def test_an_unknown_account_is_throttled_exactly_alike(harness: AuthHarness) -> None:
    nobody = new_email()
    await _fail(harness, nobody, 10)
    assert is_problem(await harness.try_login(nobody), 429, "too_many_attempts")
    assert is_problem(await harness.try_login(nobody.upper()), 429, "too_many_attempts")
    await _fail(harness, nobody, 1, client=new_client())


async def test_another_address_of_the_same_network_changes_nothing(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await _fail(harness, person.email, 10)
    neighbour = {**harness.client, "address": harness.client["address"].replace("::1", "::2:3")}
    refused = await harness.try_login(person.email, client=neighbour)
    assert is_problem(refused, 429, "too_many_attempts")


async def test_the_window_slides(harness: AuthHarness) -> None:
    person = await harness.new_person()
    for _ in range(10):
        await _fail(harness, person.email, 1)
        harness.clock.advance(minutes=1)
    refused = await harness.try_login(person.email, OTHER_PASSWORD)
    assert refused.headers["retry-after"] == "300"
    harness.clock.advance(minutes=5, seconds=1)
    await _fail(harness, person.email, 1)
    assert is_problem(await harness.try_login(person.email), 429, "too_many_attempts")


async def test_success_forgives_the_person_but_not_the_address(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await _fail(harness, person.email, 9)
    assert (await harness.try_login(person.email)).status_code == 201
    await _fail(harness, person.email, 10)
    assert is_problem(await harness.try_login(person.email), 429, "too_many_attempts")


async def test_one_address_may_not_try_everybody(harness: AuthHarness) -> None:
    person = await harness.new_person()
    for _ in range(10):
        await _fail(harness, new_email(), 10)
    assert is_problem(await harness.try_login(person.email), 429, "too_many_attempts")
    assert (await harness.try_login(person.email, client=new_client())).status_code == 201


async def test_a_known_device_is_let_in_while_the_whole_world_guesses(harness: AuthHarness) -> None:
    person = await harness.new_person(kind="web", client=new_client(device="my laptop"))
    for _ in range(10):
        await _fail(harness, person.email, 10, client=new_client())
    stranger = await harness.try_login(person.email, client=new_client())
    assert is_problem(stranger, 429, "too_many_attempts")
    strange_device = await harness.try_login(person.email, client=new_client(device="another"))
    assert is_problem(strange_device, 429, "too_many_attempts")
    mine = await harness.try_login(person.email, client=new_client(device="my laptop"))
    assert mine.status_code == 201


async def test_a_known_device_is_let_in_while_everybody_is_being_guessed(
    harness: AuthHarness, variant: Variant
) -> None:
    harness.clock.advance(minutes=15, seconds=1)
    async with variant(limits={"failed_logins_altogether": 1}) as strict:
        person = await strict.new_person(kind="web", client=new_client(device="desktop"))
        await _fail(strict, new_email(), 1, client=new_client())
        stranger = await strict.try_login(person.email, client=new_client())
        assert is_problem(stranger, 429, "too_many_attempts")
        mine = new_client(device="desktop")
        assert (await strict.try_login(person.email, client=mine)).status_code == 201
        await _fail(strict, person.email, 10, client=mine)
        refused = await strict.try_login(person.email, client=mine)
        assert is_problem(refused, 429, "too_many_attempts")
    harness.clock.advance(minutes=15, seconds=1)


async def test_right_passwords_are_counted_too_because_each_costs_a_hash(
    harness: AuthHarness, variant: Variant
) -> None:
    person = await harness.new_person()
    async with variant(limits={"logins_per_account_and_ip_address": 6}) as strict:
        answers = await asyncio.gather(*(strict.try_login(person.email) for _ in range(9)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] * 5 + [429] * 4
        refused = await strict.try_login(person.email)
        assert is_problem(refused, 429, "too_many_attempts")
        assert 0 < int(refused.headers["retry-after"]) <= 900
        elsewhere = await strict.try_login(person.email, client=new_client())
        assert elsewhere.status_code == 201
        strict.clock.advance(minutes=15, seconds=1)
        assert (await strict.try_login(person.email)).status_code == 201


async def test_parallel_guesses_get_ten_answers_and_no_more(harness: AuthHarness) -> None:
    person = await harness.new_person()
    wrong = [harness.try_login(person.email, f"{OTHER_PASSWORD} {number}") for number in range(20)]
    answers = await asyncio.gather(*wrong)
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (10, 10)


async def test_the_throttle_survives_a_restart(
    keys: Keys, postgres: PrivateDatabase, pools: Pools
) -> None:
    clock, client, email = ManualClock(), new_client(), new_email()
    async with without_loops(make_app(keys, postgres, clock)) as app:
        await _fail(AuthHarness(app, keys, clock, pools("auth"), client), email, 10)
    async with without_loops(make_app(keys, postgres, clock)) as app:
        again = AuthHarness(app, keys, clock, pools("auth"), client)
        assert is_problem(await again.try_login(email), 429, "too_many_attempts")


async def test_the_throttle_keeps_neither_addresses_nor_names(harness: AuthHarness) -> None:
    email = new_email()
    await _fail(harness, email, 1)
    rows = "\n".join(row[0] for row in await harness.rows("SELECT t::text FROM throttle t"))
    for known in (email, harness.client["address"], email.encode().hex()):
        assert known not in rows
    lengths = await harness.rows("SELECT DISTINCT length(key) FROM throttle")
    assert [row[0] for row in lengths] == [16]


async def test_failures_stand_in_the_log_of_the_account(harness: AuthHarness) -> None:
    person = await harness.new_person()
    burglar = new_client(user_agent="curl/8.14.1")
    await _fail(harness, person.email, 2, client=burglar)
    newest, before = (await person.get("/me/security-log"))["entries"][:2]
    assert (newest["kind"], newest["device"], newest["times"]) == ("sign_in_failed", "curl", 2)
    assert (before["kind"], before["times"]) == ("signed_in", 1)
    harness.clock.advance(days=1)
    await _fail(harness, person.email, 1, client=burglar)
    await _fail(harness, person.email, 1, client=new_client())
    entries = (await person.get("/me/security-log"))["entries"]
    assert [entry["times"] for entry in entries[:4]] == [1, 1, 2, 1], "another day, another place"
    assert newest["address"] == burglar["address"]


@pytest_asyncio.fixture
async def costlier(
    keys: Keys, postgres: PrivateDatabase, pools: Pools
) -> AsyncIterator[tuple[AuthHarness, str]]:
    """The service after the cost of a hash was raised, and an address registered before."""
    clock, email = ManualClock(), new_email()
    async with without_loops(make_app(keys, postgres, clock)) as app:
        await AuthHarness(app, keys, clock, pools("auth")).register(email)
    async with without_loops(make_app(keys, postgres, clock, bcrypt_cost=5)) as app:
        yield AuthHarness(app, keys, clock, pools("auth")), email


async def test_a_hash_of_an_old_cost_is_made_anew_at_login(
    costlier: tuple[AuthHarness, str],
) -> None:
    harness, email = costlier
    hashes = []
    for _ in range(3):
        [(stored,)] = await harness.rows(
            "SELECT password_hash FROM users WHERE email = :email", email=email
        )
        hashes.append(stored)
        await harness.log_in(email)
    assert [stored[:7] for stored in hashes] == ["$2b$04$", "$2b$05$", "$2b$05$"]
    assert hashes[1] == hashes[2]


async def test_a_hash_made_anew_meanwhile_is_no_other_password(
    costlier: tuple[AuthHarness, str],
) -> None:
    harness, email = costlier
    logins = await asyncio.gather(*(harness.try_login(email) for _ in range(6)))
    assert [login.status_code for login in logins] == [201] * 6


async def test_a_password_that_changes_during_the_login_does_not_let_in(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    client_info = ClientInfo()
    async with harness.database.transaction() as connection:
        proven = await users.find_credentials(connection, person.email, client_info)
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await person.request("POST", "/me/password", body)).status_code == 204
    with pytest.raises(WrongCredentials):
        async with harness.database.transaction() as connection:
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
async def test_only_the_gateway_speaks_for_people(
    harness: AuthHarness, method: str, path: str
) -> None:
    assert is_problem(await harness.as_notifier(method, path), 403, "forbidden")
    person = await harness.new_person()
    assert is_problem(await person.request(method, path), 401, "unauthenticated")


@pytest.mark.parametrize("path", [f"/account-mails/{uuid4()}"], ids=["account mail"])
async def test_only_the_notifier_gets_links(harness: AuthHarness, path: str) -> None:
    assert is_problem(await harness.post(path, {}), 403, "forbidden")
    person = await harness.new_person()
    assert is_problem(await person.request("POST", path), 401, "unauthenticated")
