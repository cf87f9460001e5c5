"""API tokens: made, used, revoked."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.integration.auth.harness import AuthHarness, Person
from tests.support.apps import client_of, is_problem

ALL = ["account", "checks:read", "files:read", "files:write"]


async def _create(person: Person, **changes: object) -> dict[str, Any]:
    answer = await person.request("POST", "/tokens", {"name": "ci", "scopes": ALL, **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _access(harness: AuthHarness, token: str) -> httpx2.Response:
    return await harness.post("/tokens/access", {"token": token})


async def test_a_token_is_shown_once_and_listed_without_its_secret(harness: AuthHarness) -> None:
    person = await harness.new_person()
    made = await _create(person, name="деплой", scopes=["files:write", "files:read"])
    token = made.pop("token")
    assert token.startswith("prv_")
    assert made["hint"] == token[-4:]
    assert made["scopes"] == ["files:read", "files:write"]
    lives = datetime.fromisoformat(made["expires_at"]) - harness.clock.now
    assert lives == timedelta(days=90)
    assert await person.get("/tokens") == {"tokens": [made]}
    assert (await person.security_log_kinds())[-1] == "token_created"


async def test_it_is_exchanged_for_an_access_token_limited_to_its_scopes(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    made = await _create(person, scopes=["files:read"])
    tokens = (await _access(harness, made["token"])).json()
    assert (tokens["session_id"], tokens["token"]) == (made["id"], None)
    assert tokens["user_id"] == str(person.user_id)
    assert tokens["preferences"] == person.tokens["preferences"]
    user = harness.keys.identity("files").verify_user(tokens["access_token"])
    assert (user.user_id, user.scopes) == (person.user_id, frozenset({"files:read"}))
    assert await harness.is_active(made["id"])


async def test_it_reads_the_account_if_it_may_and_nothing_else_here(harness: AuthHarness) -> None:
    person = await harness.new_person()
    paths = ["/sessions", "/tokens", "/me/security-log", "/me/export"]
    for scopes, status in ((["account"], 200), (["files:read", "checks:read"], 403)):
        made = await _create(person, scopes=scopes)
        limited = Person(harness, person.email, (await _access(harness, made["token"])).json())
        assert (await limited.request("GET", "/me")).status_code == status
        for path in paths:
            assert is_problem(await limited.request("GET", path), 403, "session_required")
        for path in ("/tokens", "/me/erasure", "/me/email", "/me/password"):
            assert is_problem(await limited.request("POST", path, {}), 403, "session_required")
        assert is_problem(await limited.request("PATCH", "/me", {}), 403, "session_required")


async def test_the_last_use_is_noted_once_a_minute(harness: AuthHarness) -> None:
    person = await harness.new_person()
    made = await _create(person)
    assert made["last_used_at"] is None
    used = []
    for _ in range(4):
        await _access(harness, made["token"])
        [listed] = (await person.get("/tokens"))["tokens"]
        used.append(datetime.fromisoformat(listed["last_used_at"]))
        harness.clock.advance(seconds=30)
    start = used[0]
    assert used == [start, start, start + timedelta(minutes=1), start + timedelta(minutes=1)]


async def test_a_revoked_token_is_worth_nothing(harness: AuthHarness) -> None:
    person = await harness.new_person()
    made = await _create(person)
    assert (await person.request("DELETE", f"/tokens/{made['id']}")).status_code == 204
    assert is_problem(await _access(harness, made["token"]), 401, "unauthenticated")
    assert not await harness.is_active(made["id"])
    again = await person.request("DELETE", f"/tokens/{made['id']}")
    assert is_problem(again, 404, "not_found")
    assert (await person.security_log_kinds())[-1] == "token_revoked"


async def test_a_token_expires(harness: AuthHarness) -> None:
    person = await harness.new_person()
    made = await _create(person, expires_in_days=1)
    harness.clock.advance(days=1, seconds=1)
    assert is_problem(await _access(harness, made["token"]), 401, "unauthenticated")
    assert not await harness.is_active(made["id"])
    assert (await person.get("/tokens"))["tokens"] == []


async def test_other_peoples_tokens_are_not_there(harness: AuthHarness) -> None:
    ann, bob = await harness.new_person(), await harness.new_person()
    made = await _create(ann)
    assert (await bob.get("/tokens"))["tokens"] == []
    for token_id in (made["id"], uuid4()):
        assert is_problem(await bob.request("DELETE", f"/tokens/{token_id}"), 404, "not_found")
    assert (await _access(harness, made["token"])).status_code == 200


async def test_nobody_has_more_than_fifty_also_not_by_asking_at_once(harness: AuthHarness) -> None:
    person = await harness.new_person()
    for _ in range(4):
        await asyncio.gather(*(_create(person) for _ in range(12)))
    body = {"name": "ci", "scopes": ALL}
    answers = await asyncio.gather(*(person.request("POST", "/tokens", body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [422] * 4
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert is_problem(refused, 422, "too_many_tokens")
    assert refused.json()["params"] == {"limit": 50}


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 101},
        {"name": "a\0b"},
        {"name": "a\nb"},
        {"name": "a\u202eb"},
        {"name": "a\u200db"},
        {"name": 7},
        {"name": None},
        {"scopes": []},
        {"scopes": ["files:delete"]},
        {"scopes": "files:read"},
        {"scopes": None},
        {"scopes": ["files:read"] * 11},
        {"expires_in_days": 0},
        {"expires_in_days": 366},
        {"expires_in_days": -1},
        {"expires_in_days": "30"},
        {"expires_in_days": 1.5},
        {"expires_in_days": True},
        {"expires_in_days": 10**22},
        {"user_id": "5b62aebd-9760-476f-94c3-ae3a02036fb4"},
        {"token": "prv_mine"},
    ],
    ids=repr,
)
async def test_wrong_shapes_are_refused(harness: AuthHarness, change: dict[str, object]) -> None:
    person = await harness.new_person()
    answer = await person.request("POST", "/tokens", {"name": "ci", "scopes": ALL, **change})
    assert is_problem(answer, 422, "invalid")


@pytest.mark.parametrize("token", ["x", "prv_", "prv_" + "x" * 43, "\0", "ключ", "x" * 200])
async def test_a_token_nobody_made_is_worth_nothing(harness: AuthHarness, token: str) -> None:
    assert is_problem(await _access(harness, token), 401, "unauthenticated")


async def test_a_sessions_own_token_is_no_api_token(harness: AuthHarness) -> None:
    person = await harness.new_person()
    assert is_problem(await _access(harness, person.tokens["token"]), 401, "unauthenticated")
    made = await _create(person)
    for way in ("refresh", "access"):
        assert is_problem(await harness.exchange(made["token"], way), 401, "unauthenticated")
    async with client_of(
        harness.app, headers={"Authorization": f"Bearer {made['token']}"}
    ) as client:
        assert is_problem(await client.get("/internal/me"), 401, "unauthenticated")
