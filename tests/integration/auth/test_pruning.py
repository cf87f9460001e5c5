"""What has served its time goes, and nothing else."""

import asyncio

from sqlalchemy import text

from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.pruning import PruningLoop
from shared.db import Database
from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    AuthHarness,
    ManualClock,
    Variant,
    make_app,
    new_email,
    person_with_second_factor,
    set_up_second_factor,
)
from tests.support.apps import is_problem
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.waiting import eventually


async def _prune(harness: AuthHarness, copies: int = 1) -> None:
    limits = harness.app.state.provided[Dependencies].session_limits
    pruning = PruningLoop(harness.database, harness.clock, limits)
    await asyncio.gather(*(pruning.step() for _ in range(copies)))


async def _count(harness: AuthHarness, table: str) -> int:
    [(count,)] = await harness.rows(f"SELECT count(*) FROM {table}")
    return int(count)


async def test_tables_of_passing_things_become_empty(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await harness.exchange(person.tokens["token"])
    await harness.try_login(person.email, OTHER_PASSWORD)
    await harness.mail(person.email, "confirm_email")
    body = {"name": "ci", "scopes": ["account"], "expires_in_days": 1}
    await person.request("POST", "/tokens", body)
    await person.request("DELETE", "/sessions/current")
    tables = ("throttle", "session_tokens", "sessions", "api_tokens", "mail_requests", "links")
    await _prune(harness, copies=3)
    assert all([await _count(harness, table) for table in tables])
    harness.clock.advance(days=61)
    await _prune(harness, copies=3)
    assert [await _count(harness, table) for table in tables] == [0] * 6
    assert await _count(harness, "security_log")
    harness.clock.advance(days=305)
    await _prune(harness)
    assert [await _count(harness, table) for table in ("security_log", "devices")] == [0, 0]
    assert (await harness.try_login(person.email)).status_code == 201


async def test_what_lives_stays(variant: Variant) -> None:
    async with variant(session_max_days=0) as harness:
        person = await harness.new_person(kind="web")
        wanderer = await harness.new_person()
        token = wanderer.tokens["token"]
        for _ in range(12):
            harness.clock.advance(days=20)
            await harness.exchange(person.tokens["token"], "access")
            token = (await harness.exchange(token)).json()["token"]
            await _prune(harness)
        assert await harness.is_active(person.session_id)
        assert (await harness.exchange(token)).status_code == 200
        assert (await person.security_log_kinds()) == ["registered", "signed_in"]


async def test_however_much_used_a_session_goes_a_month_after_its_end(harness: AuthHarness) -> None:
    person = await harness.new_person(kind="web")
    for _ in range(9):
        harness.clock.advance(days=10)
        await harness.exchange(person.tokens["token"], "access")
    harness.clock.advance(days=29)
    await _prune(harness)
    found = "SELECT 1 FROM sessions WHERE session_id = :id"
    assert await harness.rows(found, id=person.session_id)
    harness.clock.advance(days=2)
    await _prune(harness)
    assert not await harness.rows(found, id=person.session_id)


async def test_challenges_and_secrets_that_were_not_confirmed_go(harness: AuthHarness) -> None:
    one = await person_with_second_factor(harness)
    person = await harness.new_person()
    await harness.confirm_address(person.email)
    await set_up_second_factor(person)
    await one.challenge()
    assert [await _count(harness, "challenges"), await _count(harness, "second_factors")] == [1, 2]
    harness.clock.advance(minutes=61)
    await _prune(harness)
    assert [await _count(harness, "challenges"), await _count(harness, "second_factors")] == [0, 1]
    assert await _count(harness, "recovery_codes") == 10
    harness.clock.advance(days=400)
    await _prune(harness)
    assert await _count(harness, "second_factors") == 1


async def test_a_token_replaced_within_the_month_still_betrays_its_thief(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    stolen = person.tokens["token"]
    token = (await harness.exchange(stolen)).json()["token"]
    harness.clock.advance(days=29)
    await _prune(harness)
    assert is_problem(await harness.exchange(stolen), 401, "unauthenticated")
    assert is_problem(await harness.exchange(token), 401, "unauthenticated")


async def test_a_table_in_use_keeps_no_other_one_locked(harness: AuthHarness) -> None:
    """Each is pruned for itself, so that no lock is held until the last is done."""
    await harness.try_login(new_email())
    harness.clock.advance(minutes=16)

    async def empty() -> bool:
        return await _count(harness, "throttle") == 0

    async with harness.database.transaction() as busy:
        await busy.execute(text("LOCK TABLE devices"))
        pruned = asyncio.create_task(_prune(harness))
        await eventually(empty)
        assert not pruned.done()
    await pruned


async def test_the_service_does_it_by_itself(keys: Keys, fresh_postgres: PrivateDatabase) -> None:
    clock = ManualClock()
    app = make_app(keys, fresh_postgres, clock)
    async with app.router.lifespan_context(app):
        harness = AuthHarness(app, keys, clock, app.state.provided[Database])
        await harness.try_login(new_email())
        assert await _count(harness, "throttle")
    clock.advance(minutes=16)
    app = make_app(keys, fresh_postgres, clock)
    async with app.router.lifespan_context(app):
        harness = AuthHarness(app, keys, clock, app.state.provided[Database])

        async def empty() -> bool:
            return await _count(harness, "throttle") == 0

        await eventually(empty)
