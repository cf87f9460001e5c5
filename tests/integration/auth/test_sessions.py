"""Sessions: kept, exchanged, listed, ended."""

import asyncio
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from tests.integration.auth.harness import PASSWORD, AuthHarness, Variant, new_client
from tests.support.apps import is_problem


async def test_a_refresh_token_is_worth_one_exchange(harness: AuthHarness) -> None:
    first = (await harness.new_person()).tokens
    second = (await harness.exchange(first["token"])).json()
    assert second["session_id"] == first["session_id"]
    assert second["token"] != first["token"]
    assert second["preferences"] == first["preferences"]
    assert (await harness.exchange(second["token"])).status_code == 200


async def test_a_token_used_twice_ends_the_session_for_the_thief_and_the_owner(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    second = (await harness.exchange(person.tokens["token"])).json()
    assert await harness.is_active(person.session_id)
    assert is_problem(await harness.exchange(person.tokens["token"]), 401, "unauthenticated")
    assert is_problem(await harness.exchange(second["token"]), 401, "unauthenticated")
    assert not await harness.is_active(person.session_id)
    again = await harness.log_in(person.email)
    assert (await again.security_log_kinds()).count("refresh_reused") == 1


async def test_of_parallel_exchanges_at_most_one_succeeds(harness: AuthHarness) -> None:
    token = (await harness.new_person()).tokens["token"]
    answers = await asyncio.gather(*(harness.exchange(token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_a_web_session_keeps_its_token(harness: AuthHarness) -> None:
    person = await harness.new_person(kind="web")
    for _ in range(3):
        answer = (await harness.exchange(person.tokens["token"], "access")).json()
        assert answer["token"] is None
        assert answer["user_id"] == str(person.user_id)


async def test_tokens_work_only_in_the_way_they_were_made_for(harness: AuthHarness) -> None:
    web, api = await harness.new_person(kind="web"), await harness.new_person(kind="api")
    assert is_problem(await harness.exchange(web.tokens["token"]), 401, "unauthenticated")
    assert is_problem(await harness.exchange(api.tokens["token"], "access"), 401, "unauthenticated")
    assert (await harness.exchange(api.tokens["token"])).status_code == 200


@pytest.mark.parametrize("token", ["x", "\0", "' OR 1=1 --", "ключ", "x" * 200])
@pytest.mark.parametrize("way", ["refresh", "access"])
async def test_a_token_nobody_gave_out_is_worth_nothing(
    harness: AuthHarness, token: str, way: str
) -> None:
    assert is_problem(await harness.exchange(token, way), 401, "unauthenticated")


@pytest.mark.parametrize(("kind", "way"), [("api", "refresh"), ("web", "access")])
async def test_after_logging_out_nothing_of_the_session_works(
    harness: AuthHarness, kind: str, way: str
) -> None:
    person = await harness.new_person(kind=kind)
    for _ in range(2):
        assert (await person.request("DELETE", "/sessions/current")).status_code == 204
    assert is_problem(await harness.exchange(person.tokens["token"], way), 401, "unauthenticated")
    assert not await harness.is_active(person.session_id)
    again = await harness.log_in(person.email)
    assert (await again.security_log_kinds()).count("signed_out") == 1


@pytest.mark.parametrize("kind", ["api", "web"])
async def test_a_session_that_lives_gets_another_access_token(
    harness: AuthHarness, kind: str
) -> None:
    person = await harness.new_person(kind=kind)
    answer = await person.request("POST", "/sessions/current/access")
    assert answer.status_code == 200
    told = answer.json()
    user = harness.keys.identity("gateway").verify_user(told["access_token"])
    assert (user.user_id, user.session_id) == (person.user_id, UUID(person.session_id))
    assert (user.scopes, told["token"]) == (None, None)
    await person.request("DELETE", "/sessions/current")
    again = await person.request("POST", "/sessions/current/access")
    assert is_problem(again, 401, "unauthenticated")


@pytest.mark.parametrize(("kind", "way"), [("api", "refresh"), ("web", "access")])
async def test_a_session_nobody_used_for_a_month_is_over(
    harness: AuthHarness, kind: str, way: str
) -> None:
    person = await harness.new_person(kind=kind)
    harness.clock.advance(days=31)
    assert is_problem(await harness.exchange(person.tokens["token"], way), 401, "unauthenticated")
    assert (await person.get("/sessions"))["sessions"] == []


async def test_people_see_where_they_are_logged_in(harness: AuthHarness) -> None:
    first = await harness.new_person(kind="web", client=new_client(device="laptop"))
    harness.clock.advance(minutes=5)
    phone = new_client(user_agent="Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile Safari/537")
    second = await harness.log_in(first.email, kind="api", client=phone)
    listed = (await second.get("/sessions"))["sessions"]
    assert [(one["id"], one["current"]) for one in listed] == [
        (second.session_id, True),
        (first.session_id, False),
    ]
    assert [one["device"] for one in listed] == ["Chrome on Android", "Firefox on Linux"]
    assert [one["kind"] for one in listed] == ["api", "web"]
    assert listed[0]["address"] == phone["address"]
    assert datetime.fromisoformat(listed[0]["created_at"]) == harness.clock.now


async def test_using_a_web_session_moves_it_to_the_address_it_is_used_from(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person(kind="web")
    harness.clock.advance(hours=3)
    train = new_client()
    await harness.post("/sessions/access", {"token": person.tokens["token"], "client": train})
    [session] = (await person.get("/sessions"))["sessions"]
    assert session["address"] == train["address"]
    assert datetime.fromisoformat(session["last_used_at"]) == harness.clock.now


async def test_one_session_is_ended_from_another(harness: AuthHarness) -> None:
    lost = await harness.new_person()
    mine = await harness.log_in(lost.email)
    assert (await mine.request("DELETE", f"/sessions/{lost.session_id}")).status_code == 204
    assert not await harness.is_active(lost.session_id)
    assert await harness.is_active(mine.session_id)
    again = await mine.request("DELETE", f"/sessions/{lost.session_id}")
    assert is_problem(again, 404, "not_found")
    assert (await mine.security_log_kinds())[-1] == "session_ended"


async def test_all_others_are_ended_at_once(harness: AuthHarness) -> None:
    mine = await harness.new_person()
    others = [await harness.log_in(mine.email) for _ in range(3)]
    answer = await mine.request("DELETE", "/sessions")
    assert (answer.status_code, answer.json()) == (200, {"ended": 3})
    assert [await harness.is_active(other.session_id) for other in others] == [False] * 3
    assert await harness.is_active(mine.session_id)
    assert (await mine.request("DELETE", "/sessions")).json() == {"ended": 0}


@pytest.mark.parametrize("verb", ["DELETE"])
async def test_other_peoples_sessions_are_not_there(harness: AuthHarness, verb: str) -> None:
    ann, bob = await harness.new_person(), await harness.new_person()
    for session_id in (bob.session_id, uuid4()):
        answer = await ann.request(verb, f"/sessions/{session_id}")
        assert is_problem(answer, 404, "not_found")
    assert await harness.is_active(bob.session_id)


@pytest.mark.parametrize("session_id", ["-1", "1_000", "9223372036854775808", "x", "%00"])
async def test_what_is_no_id_is_refused(harness: AuthHarness, session_id: str) -> None:
    person = await harness.new_person()
    answer = await person.request("DELETE", f"/sessions/{session_id}")
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
    harness: AuthHarness, method: str, path: str, body: object
) -> None:
    """The gateway believes for half a minute that it lives; time enough to make a token."""
    stolen = await harness.new_person()
    mine = await harness.log_in(stolen.email)
    await mine.request("DELETE", "/sessions")
    assert is_problem(await stolen.request(method, path, body), 401, "unauthenticated")


async def test_a_person_has_so_many_sessions_and_the_longest_unused_end(
    harness: AuthHarness, variant: Variant
) -> None:
    async with variant(sessions_per_kind=3) as strict:
        first = await strict.new_person()
        in_browser = await strict.log_in(first.email, kind="web")
        others = []
        for _ in range(3):
            strict.clock.advance(minutes=1)
            others.append(await strict.log_in(first.email))
    assert not await harness.is_active(first.session_id)
    assert [await harness.is_active(one.session_id) for one in others] == [True] * 3
    assert await harness.is_active(in_browser.session_id), "programs push no browser out"


@pytest.mark.parametrize("kind", ["web", "api"])
async def test_however_much_it_is_used_a_session_ends_after_ninety_days(
    harness: AuthHarness, kind: str
) -> None:
    person = await harness.new_person(kind=kind)
    way, token = ("access" if kind == "web" else "refresh"), person.tokens["token"]
    for _ in range(9):
        harness.clock.advance(days=9.99)
        answer = await harness.exchange(token, way)
        assert answer.status_code == 200
        token = answer.json()["token"] or token
    assert await harness.is_active(person.session_id)
    assert person.session_id in [one["id"] for one in (await person.get("/sessions"))["sessions"]]
    harness.clock.advance(days=0.1)
    assert not await harness.is_active(person.session_id)
    assert is_problem(await harness.exchange(token, way), 401, "unauthenticated")
    fresh = await harness.log_in(person.email)
    assert [one["id"] for one in (await fresh.get("/sessions"))["sessions"]] == [fresh.session_id]


async def test_a_session_of_the_old_days_ends_by_a_shorter_setting(
    harness: AuthHarness, variant: Variant
) -> None:
    person = await harness.new_person(kind="web")
    harness.clock.advance(days=2)
    assert await harness.is_active(person.session_id)
    async with variant(session_max_days=2) as shorter:
        assert not await shorter.is_active(person.session_id)
