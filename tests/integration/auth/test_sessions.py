"""Sessions: kept, exchanged, listed, ended."""

import asyncio
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from tests.integration.auth.world import PASSWORD, Variant, World, somewhere
from tests.support.apps import is_problem


async def test_a_refresh_token_is_worth_one_exchange(world: World) -> None:
    first = (await world.person()).tokens
    second = (await world.exchange(first["token"])).json()
    assert second["session_id"] == first["session_id"]
    assert second["token"] != first["token"]
    assert second["preferences"] == first["preferences"]
    assert (await world.exchange(second["token"])).status_code == 200


async def test_a_token_used_twice_ends_the_session_for_the_thief_and_the_owner(
    world: World,
) -> None:
    person = await world.person()
    second = (await world.exchange(person.tokens["token"])).json()
    assert await world.is_alive(person.session_id)
    assert is_problem(await world.exchange(person.tokens["token"]), 401, "unauthenticated")
    assert is_problem(await world.exchange(second["token"]), 401, "unauthenticated")
    assert not await world.is_alive(person.session_id)
    again = await world.log_in(person.email)
    assert (await again.log_kinds()).count("refresh_reused") == 1


async def test_of_parallel_exchanges_at_most_one_succeeds(world: World) -> None:
    token = (await world.person()).tokens["token"]
    answers = await asyncio.gather(*(world.exchange(token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_a_web_session_keeps_its_token(world: World) -> None:
    person = await world.person(kind="web")
    for _ in range(3):
        answer = (await world.exchange(person.tokens["token"], "access")).json()
        assert answer["token"] is None
        assert answer["user_id"] == str(person.user_id)


async def test_tokens_work_only_in_the_way_they_were_made_for(world: World) -> None:
    web, api = await world.person(kind="web"), await world.person(kind="api")
    assert is_problem(await world.exchange(web.tokens["token"]), 401, "unauthenticated")
    assert is_problem(await world.exchange(api.tokens["token"], "access"), 401, "unauthenticated")
    assert (await world.exchange(api.tokens["token"])).status_code == 200


@pytest.mark.parametrize("token", ["x", "\0", "' OR 1=1 --", "ключ", "x" * 200])
@pytest.mark.parametrize("way", ["refresh", "access"])
async def test_a_token_nobody_gave_out_is_worth_nothing(world: World, token: str, way: str) -> None:
    assert is_problem(await world.exchange(token, way), 401, "unauthenticated")


@pytest.mark.parametrize(("kind", "way"), [("api", "refresh"), ("web", "access")])
async def test_after_logging_out_nothing_of_the_session_works(
    world: World, kind: str, way: str
) -> None:
    person = await world.person(kind=kind)
    for _ in range(2):
        assert (await person.ask("DELETE", "/sessions/current")).status_code == 204
    assert is_problem(await world.exchange(person.tokens["token"], way), 401, "unauthenticated")
    assert not await world.is_alive(person.session_id)
    again = await world.log_in(person.email)
    assert (await again.log_kinds()).count("signed_out") == 1


@pytest.mark.parametrize("kind", ["api", "web"])
async def test_a_session_that_lives_gets_another_access_token(world: World, kind: str) -> None:
    person = await world.person(kind=kind)
    answer = await person.ask("POST", "/sessions/current/access")
    assert answer.status_code == 200
    told = answer.json()
    user = world.keys.identity("gateway").verify_user(told["access_token"])
    assert (user.user_id, user.session_id) == (person.user_id, UUID(person.session_id))
    assert (user.scopes, told["token"]) == (None, None)
    await person.ask("DELETE", "/sessions/current")
    again = await person.ask("POST", "/sessions/current/access")
    assert is_problem(again, 401, "unauthenticated")


@pytest.mark.parametrize(("kind", "way"), [("api", "refresh"), ("web", "access")])
async def test_a_session_nobody_used_for_a_month_is_over(world: World, kind: str, way: str) -> None:
    person = await world.person(kind=kind)
    world.clock.let_pass(days=31)
    assert is_problem(await world.exchange(person.tokens["token"], way), 401, "unauthenticated")
    assert (await person.get("/sessions"))["sessions"] == []


async def test_people_see_where_they_are_logged_in(world: World) -> None:
    first = await world.person(kind="web", client=somewhere(device="laptop"))
    world.clock.let_pass(minutes=5)
    phone = somewhere(user_agent="Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile Safari/537")
    second = await world.log_in(first.email, kind="api", client=phone)
    listed = (await second.get("/sessions"))["sessions"]
    assert [(one["id"], one["current"]) for one in listed] == [
        (second.session_id, True),
        (first.session_id, False),
    ]
    assert [one["device"] for one in listed] == ["Chrome on Android", "Firefox on Linux"]
    assert [one["kind"] for one in listed] == ["api", "web"]
    assert listed[0]["address"] == phone["address"]
    assert datetime.fromisoformat(listed[0]["created_at"]) == world.clock.now


async def test_using_a_web_session_moves_it_to_the_address_it_is_used_from(world: World) -> None:
    person = await world.person(kind="web")
    world.clock.let_pass(hours=3)
    train = somewhere()
    await world.post("/sessions/access", {"token": person.tokens["token"], "client": train})
    [session] = (await person.get("/sessions"))["sessions"]
    assert session["address"] == train["address"]
    assert datetime.fromisoformat(session["last_used_at"]) == world.clock.now


async def test_one_session_is_ended_from_another(world: World) -> None:
    lost = await world.person()
    mine = await world.log_in(lost.email)
    assert (await mine.ask("DELETE", f"/sessions/{lost.session_id}")).status_code == 204
    assert not await world.is_alive(lost.session_id)
    assert await world.is_alive(mine.session_id)
    again = await mine.ask("DELETE", f"/sessions/{lost.session_id}")
    assert is_problem(again, 404, "not_found")
    assert (await mine.log_kinds())[-1] == "session_ended"


async def test_all_others_are_ended_at_once(world: World) -> None:
    mine = await world.person()
    others = [await world.log_in(mine.email) for _ in range(3)]
    answer = await mine.ask("DELETE", "/sessions")
    assert (answer.status_code, answer.json()) == (200, {"ended": 3})
    assert [await world.is_alive(other.session_id) for other in others] == [False] * 3
    assert await world.is_alive(mine.session_id)
    assert (await mine.ask("DELETE", "/sessions")).json() == {"ended": 0}


@pytest.mark.parametrize("verb", ["DELETE"])
async def test_other_peoples_sessions_are_not_there(world: World, verb: str) -> None:
    ann, bob = await world.person(), await world.person()
    for session_id in (bob.session_id, uuid4()):
        answer = await ann.ask(verb, f"/sessions/{session_id}")
        assert is_problem(answer, 404, "not_found")
    assert await world.is_alive(bob.session_id)


@pytest.mark.parametrize("session_id", ["-1", "1_000", "9223372036854775808", "x", "%00"])
async def test_what_is_no_id_is_refused(world: World, session_id: str) -> None:
    person = await world.person()
    answer = await person.ask("DELETE", f"/sessions/{session_id}")
    assert is_problem(answer, 422, "invalid")


COMMANDS = {
    "end a session": ("DELETE", "/sessions/5b62aebd-9760-476f-94c3-ae3a02036fb4", None),
    "end the others": ("DELETE", "/sessions", None),
    "make a token": ("POST", "/tokens", {"name": "ci", "scopes": ["files:read"]}),
    "change preferences": ("PATCH", "/me", {"theme": "dark"}),
    "ask for a link": ("POST", "/confirmations/again", None),
    "list sessions": ("GET", "/sessions", None),
    "list tokens": ("GET", "/tokens", None),
    "read the log": ("GET", "/me/security-log", None),
    "export": ("GET", "/me/export", None),
    "change the password": (
        "POST",
        "/me/password",
        {"current_password": PASSWORD, "new_password": "wombats juggle teacups"},
    ),
    "change the address": ("POST", "/me/email", {"password": PASSWORD, "email": "a@example.org"}),
    "erase": ("POST", "/me/erasure", {"password": PASSWORD}),
}


@pytest.mark.parametrize(("method", "path", "body"), COMMANDS.values(), ids=COMMANDS.keys())
async def test_a_session_that_was_just_ended_can_do_nothing_with_its_access_token(
    world: World, method: str, path: str, body: object
) -> None:
    """The gateway believes for half a minute that it lives; time enough to make a token."""
    stolen = await world.person()
    mine = await world.log_in(stolen.email)
    await mine.ask("DELETE", "/sessions")
    assert is_problem(await stolen.ask(method, path, body), 401, "unauthenticated")


async def test_a_person_has_so_many_sessions_and_the_longest_unused_end(
    world: World, variant: Variant
) -> None:
    async with variant(sessions_per_kind=3) as strict:
        first = await strict.person()
        in_browser = await strict.log_in(first.email, kind="web")
        others = []
        for _ in range(3):
            strict.clock.let_pass(minutes=1)
            others.append(await strict.log_in(first.email))
    assert not await world.is_alive(first.session_id)
    assert [await world.is_alive(one.session_id) for one in others] == [True] * 3
    assert await world.is_alive(in_browser.session_id), "programs push no browser out"


@pytest.mark.parametrize("kind", ["web", "api"])
async def test_however_much_it_is_used_a_session_ends_after_ninety_days(
    world: World, kind: str
) -> None:
    person = await world.person(kind=kind)
    way, token = ("access" if kind == "web" else "refresh"), person.tokens["token"]
    for _ in range(9):
        world.clock.let_pass(days=9.99)
        answer = await world.exchange(token, way)
        assert answer.status_code == 200
        token = answer.json()["token"] or token
    assert await world.is_alive(person.session_id)
    assert person.session_id in [one["id"] for one in (await person.get("/sessions"))["sessions"]]
    world.clock.let_pass(days=0.1)
    assert not await world.is_alive(person.session_id)
    assert is_problem(await world.exchange(token, way), 401, "unauthenticated")
    fresh = await world.log_in(person.email)
    assert [one["id"] for one in (await fresh.get("/sessions"))["sessions"]] == [fresh.session_id]


async def test_a_session_of_the_old_days_ends_by_a_shorter_setting(
    world: World, variant: Variant
) -> None:
    person = await world.person(kind="web")
    world.clock.let_pass(days=2)
    assert await world.is_alive(person.session_id)
    async with variant(session_max_days=2) as shorter:
        assert not await shorter.is_alive(person.session_id)
