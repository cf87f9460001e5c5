"""The end of an account: nothing is left, and nothing comes back."""

import asyncio

import pyotp
from sqlalchemy import text

from tests.integration.auth.factor import begin
from tests.integration.auth.world import OTHER_PASSWORD, PASSWORD, Session, World, address
from tests.support.apps import is_problem


async def _full_life(world: World) -> tuple[Session, dict[str, str]]:
    """A person with something in every table, and the secrets they hold."""
    person = await world.person(kind="web")
    await world.confirm_address(person.email)
    await world.log_in(person.email, client={**world.client, "device": "phone"})
    await world.try_login(person.email, OTHER_PASSWORD)
    token = await person.ask("POST", "/tokens", {"name": "laptop of Ann", "scopes": ["account"]})
    await person.ask("POST", "/me/email", {"password": PASSWORD, "email": f"new-{person.email}"})
    await world.post("/password-resets", {"email": person.email})
    return person, {
        "api token": token.json()["token"],
        "reset": (await world.mail(person.email, "reset_password"))["token"],
        "change": (await world.mail(f"new-{person.email}", "confirm_new_email"))["token"],
    }


async def _guard(person: Session) -> None:
    """Set up a second factor, and leave a login waiting for a code."""
    app = pyotp.TOTP((await begin(person)).json()["secret"])
    code = {"code": app.at(person.world.clock.now)}
    assert (await person.ask("PUT", "/me/second-factor", code)).status_code == 200
    assert "challenge" in (await person.world.try_login(person.email)).json()


async def _erase(person: Session, password: str = PASSWORD) -> None:
    answer = await person.ask("POST", "/me/erasure", {"password": password})
    assert answer.status_code == 204, answer.text


async def test_neither_address_nor_anything_else_is_left_in_any_table(world: World) -> None:
    person, _ = await _full_life(world)
    await _guard(person)
    traces = [person.email, world.client["address"], "laptop of Ann"]
    before = await world.everything()
    assert all(trace in before for trace in traces)
    await _erase(person)
    after = await world.everything()
    assert not [trace for trace in traces if trace in after]
    left = await world.rows(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND column_name = 'user_id' ORDER BY 1"
    )
    for (table,) in left:
        [(count,)] = await world.rows(
            f"SELECT count(*) FROM {table} WHERE user_id = :user_id", user_id=person.user_id
        )
        assert (count > 0) == (table == "erased_users"), table


async def test_the_world_is_told_and_the_stream_ends_there(world: World) -> None:
    person, _ = await _full_life(world)
    await _erase(person)
    events = await world.events(person.user_id)
    assert [version for version, _ in events] == list(range(1, len(events) + 1))
    assert events[-1][1] == "UserErased"


async def test_everything_the_person_held_is_worth_nothing(world: World) -> None:
    person, secrets = await _full_life(world)
    api = await world.log_in(person.email)
    requests = await world.requests(person.email)
    await _erase(person)
    assert not await world.is_alive(person.session_id)
    assert not await world.is_alive(api.session_id)
    for answer in (
        await world.exchange(person.tokens["token"], "access"),
        await world.exchange(api.tokens["token"], "refresh"),
        await world.post("/tokens/access", {"token": secrets["api token"]}),
        await person.ask("PATCH", "/me", {"theme": "dark"}),
        await person.ask("POST", "/me/erasure", {"password": PASSWORD}),
    ):
        assert is_problem(answer, 401, "unauthenticated")
    assert is_problem(await world.try_login(person.email), 401, "wrong_credentials")
    assert is_problem(await person.ask("GET", "/me"), 404, "not_found")
    assert is_problem(await world.confirm(secrets["change"]), 422, "link_invalid")
    body = {"token": secrets["reset"], "password": OTHER_PASSWORD}
    assert is_problem(await world.post("/password-resets", body, "PUT"), 422, "link_invalid")
    for _, request_id in requests:
        answer = await world.as_notifier("POST", f"/account-mails/{request_id}")
        assert is_problem(answer, 404, "not_found")
    assert await world.contact(person.user_id) is None


async def test_the_address_is_free_again_for_somebody_new(world: World) -> None:
    person, _ = await _full_life(world)
    await _erase(person)
    assert (await world.register(person.email, OTHER_PASSWORD)).status_code == 202
    newcomer = await world.log_in(person.email, OTHER_PASSWORD)
    assert newcomer.user_id != person.user_id
    assert await newcomer.log_kinds() == ["registered", "signed_in"]


async def test_a_wrong_password_erases_nobody(world: World) -> None:
    person = await world.person()
    answer = await person.ask("POST", "/me/erasure", {"password": OTHER_PASSWORD})
    assert is_problem(answer, 422, "wrong_password")
    assert (await person.get("/me"))["email"] == person.email


async def test_erasing_at_once_with_everything_else_leaves_nothing_and_blocks_nobody(
    world: World,
) -> None:
    for _ in range(4):
        person, secrets = await _full_life(world)
        wanted = address()
        answers = await asyncio.gather(
            person.ask("POST", "/me/erasure", {"password": PASSWORD}),
            person.ask("POST", "/me/email", {"password": PASSWORD, "email": wanted}),
            person.ask("PATCH", "/me", {"language": "en"}),
            person.ask("POST", "/tokens", {"name": "late", "scopes": ["account"]}),
            person.ask("POST", "/me/erasure", {"password": PASSWORD}),
            world.confirm(secrets["change"]),
            world.try_login(person.email),
            world.register(person.email),
            world.post("/password-resets", {"email": person.email}),
            world.post("/tokens/access", {"token": secrets["api token"]}),
        )
        assert not [answer.text for answer in answers if answer.status_code >= 500]
        [(active,)] = await world.rows(
            "SELECT count(*) FROM users WHERE user_id = :user_id", user_id=person.user_id
        )
        kinds = [kind for _, kind in await world.events(person.user_id)]
        assert (active, kinds.count("UserErased"), kinds[-1]) == (0, 1, "UserErased")


async def test_a_stolen_token_used_during_the_erasure_does_not_block_it(world: World) -> None:
    person = await world.person()
    await world.exchange(person.tokens["token"])
    async with world.database.transaction() as erasing:
        whose = {"user_id": person.user_id}
        await erasing.execute(text("SELECT FROM users WHERE user_id = :user_id FOR UPDATE"), whose)
        reused = asyncio.create_task(world.exchange(person.tokens["token"]))
        await asyncio.sleep(0.3)
        await erasing.execute(text("DELETE FROM users WHERE user_id = :user_id"), whose)
    assert is_problem(await reused, 401, "unauthenticated")
