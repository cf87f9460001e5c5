"""What has served its time goes, and nothing else."""

import asyncio

from sqlalchemy import text

from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.pruning import PruningLoop
from shared.db import Database
from tests.integration.auth.factor import begin, guarded
from tests.integration.auth.world import OTHER_PASSWORD, SetClock, Variant, World, address, make_app
from tests.support.apps import is_problem
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.waiting import eventually


async def _prune(world: World, copies: int = 1) -> None:
    limits = world.app.state.provided[Dependencies].session_limits
    pruning = PruningLoop(world.database, world.clock, limits)
    await asyncio.gather(*(pruning.step() for _ in range(copies)))


async def _count(world: World, table: str) -> int:
    [(count,)] = await world.rows(f"SELECT count(*) FROM {table}")
    return int(count)


async def test_tables_of_passing_things_become_empty(world: World) -> None:
    person = await world.person()
    await world.exchange(person.tokens["token"])
    await world.try_login(person.email, OTHER_PASSWORD)
    await world.mail(person.email, "confirm_email")
    body = {"name": "ci", "scopes": ["account"], "expires_in_days": 1}
    await person.ask("POST", "/tokens", body)
    await person.ask("DELETE", "/sessions/current")
    tables = ("throttle", "session_tokens", "sessions", "api_tokens", "mail_requests", "links")
    await _prune(world, copies=3)
    assert all([await _count(world, table) for table in tables])
    world.clock.let_pass(days=61)
    await _prune(world, copies=3)
    assert [await _count(world, table) for table in tables] == [0] * 6
    assert await _count(world, "security_log")
    world.clock.let_pass(days=305)
    await _prune(world)
    assert [await _count(world, table) for table in ("security_log", "devices")] == [0, 0]
    assert (await world.try_login(person.email)).status_code == 201


async def test_what_lives_stays(variant: Variant) -> None:
    async with variant(session_max_days=0) as world:
        person = await world.person(kind="web")
        wanderer = await world.person()
        token = wanderer.tokens["token"]
        for _ in range(12):
            world.clock.let_pass(days=20)
            await world.exchange(person.tokens["token"], "access")
            token = (await world.exchange(token)).json()["token"]
            await _prune(world)
        assert await world.is_alive(person.session_id)
        assert (await world.exchange(token)).status_code == 200
        assert (await person.log_kinds()) == ["registered", "signed_in"]


async def test_however_much_used_a_session_goes_a_month_after_its_end(world: World) -> None:
    person = await world.person(kind="web")
    for _ in range(9):
        world.clock.let_pass(days=10)
        await world.exchange(person.tokens["token"], "access")
    world.clock.let_pass(days=29)
    await _prune(world)
    found = "SELECT 1 FROM sessions WHERE session_id = :id"
    assert await world.rows(found, id=person.session_id)
    world.clock.let_pass(days=2)
    await _prune(world)
    assert not await world.rows(found, id=person.session_id)


async def test_challenges_and_secrets_that_were_not_confirmed_go(world: World) -> None:
    one = await guarded(world)
    person = await world.person()
    await world.confirm_address(person.email)
    await begin(person)
    await one.challenge()
    assert [await _count(world, "challenges"), await _count(world, "second_factors")] == [1, 2]
    world.clock.let_pass(minutes=61)
    await _prune(world)
    assert [await _count(world, "challenges"), await _count(world, "second_factors")] == [0, 1]
    assert await _count(world, "recovery_codes") == 10
    world.clock.let_pass(days=400)
    await _prune(world)
    assert await _count(world, "second_factors") == 1


async def test_a_token_replaced_within_the_month_still_betrays_its_thief(world: World) -> None:
    person = await world.person()
    stolen = person.tokens["token"]
    token = (await world.exchange(stolen)).json()["token"]
    world.clock.let_pass(days=29)
    await _prune(world)
    assert is_problem(await world.exchange(stolen), 401, "unauthenticated")
    assert is_problem(await world.exchange(token), 401, "unauthenticated")


async def test_a_table_in_use_keeps_no_other_one_locked(world: World) -> None:
    """Each is pruned for itself, so that no lock is held until the last is done."""
    await world.try_login(address())
    world.clock.let_pass(minutes=16)

    async def empty() -> bool:
        return await _count(world, "throttle") == 0

    async with world.database.transaction() as busy:
        await busy.execute(text("LOCK TABLE devices"))
        pruned = asyncio.create_task(_prune(world))
        await eventually(empty)
        assert not pruned.done()
    await pruned


async def test_the_service_does_it_by_itself(keys: Keys, fresh_postgres: PrivateDatabase) -> None:
    clock = SetClock()
    app = make_app(keys, fresh_postgres, clock)
    async with app.router.lifespan_context(app):
        world = World(app, keys, clock, app.state.provided[Database])
        await world.try_login(address())
        assert await _count(world, "throttle")
    clock.let_pass(minutes=16)
    app = make_app(keys, fresh_postgres, clock)
    async with app.router.lifespan_context(app):
        world = World(app, keys, clock, app.state.provided[Database])

        async def empty() -> bool:
            return await _count(world, "throttle") == 0

        await eventually(empty)
