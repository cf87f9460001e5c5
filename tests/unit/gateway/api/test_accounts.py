"""Accounts in the public API: calls to auth, responses, errors."""

import json
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tests.unit.gateway.fake_services import (
    Services,
    account,
    answer,
    api_token,
    refusal,
    security_entry,
    session,
)

ID = str(UUID(int=9))
MAIL = {"email": "ann@example.org"}
BOTH = MAIL | {"password": "correct horse"}

# method, path, body → auth's method and path, its answer → status, what is told
CALLS: list[tuple[str, str, Any, str, Any, int, Any]] = [
    ("POST", "/users", BOTH, "POST users", {}, 202, {}),
    ("POST", "/confirmations", {"token": "t"}, "POST me/confirmations", {"kind": "confirm_email"},
     200, {"kind": "confirm_email"}),
    ("POST", "/confirmations/again", None, "POST confirmations/again", {}, 202, {}),
    ("POST", "/password-resets", MAIL, "POST password-resets", {}, 202, {}),
    ("PUT", "/password-resets", {"token": "t", "password": "p"}, "PUT password-resets", None,
     204, None),
    ("GET", "/me", None, "GET me", account(), 200, account()),
    ("PATCH", "/me", {"theme": "dark"}, "PATCH me", account(theme="dark"), 200,
     account(theme="dark")),
    ("DELETE", "/me", {"password": "p"}, "POST me/erasure", None, 204, None),
    ("POST", "/me/password", {"current_password": "a", "new_password": "b"}, "POST me/password",
     None, 204, None),
    ("POST", "/me/email", BOTH, "POST me/email", {"mailed": True}, 202, {}),
    ("GET", "/me/security-log", None, "GET me/security-log",
     {"entries": [security_entry()], "next_cursor": "7"}, 200,
     {"entries": [security_entry()], "next_cursor": "7"}),
    ("GET", "/sessions", None, "GET sessions", {"sessions": [session()]}, 200,
     {"sessions": [session()]}),
    ("DELETE", "/sessions", None, "DELETE sessions", {"ended": 2}, 200, {"ended": 2}),
    ("DELETE", "/sessions/current", None, "DELETE sessions/current", None, 204, None),
    ("DELETE", f"/sessions/{ID}", None, f"DELETE sessions/{ID}", None, 204, None),
    ("GET", "/tokens", None, "GET tokens", {"tokens": [api_token()]}, 200,
     {"tokens": [api_token()]}),
    ("POST", "/tokens", {"name": "build", "scopes": ["files:read"]}, "POST tokens",
     api_token(token="prv_x"), 201, api_token(token="prv_x")),
    ("DELETE", f"/tokens/{ID}", None, f"DELETE tokens/{ID}", None, 204, None),
]  # fmt: skip
WITHOUT_TOKEN = {"/users", "/password-resets"}


def plain_json(value: Any) -> Any:
    """As in JSON, with times in one format."""
    return json.loads(json.dumps(value, default=str).replace("+00:00", "Z").replace(" 12:", "T12:"))


@pytest.mark.parametrize(
    ("method", "path", "body", "call", "reply", "status", "expected"),
    CALLS,
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_each_wish_reaches_auth_and_its_answer_comes_back(
    program: httpx2.AsyncClient,
    services: Services,
    method: str,
    path: str,
    body: Any,
    call: str,
    reply: Any,
    status: int,
    expected: Any,
) -> None:
    wanted, _, place = call.partition(" ")
    services.on(f"auth {wanted} /internal/{place}", answer(204 if reply is None else 200, reply))
    response = await program.request(method, f"/api/v1{path}", json=body)
    assert response.status_code == status, response.text
    if expected is None:
        assert response.content == b""
        assert "content-type" not in response.headers
    else:
        assert plain_json(response.json()) == plain_json(expected)
    asked = services.called(f"auth {wanted} /internal/{place}")[-1]
    mine = asked.headers["authorization"] == program.headers["authorization"]
    assert mine is (path not in WITHOUT_TOKEN)
    if body is not None:
        sent = json.loads(asked.content)
        assert {name: sent[name] for name in body} == body


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (method, path, body)
        for method, path, body, *_ in CALLS
        if path not in WITHOUT_TOKEN | {"/confirmations"}  # which takes a password as well
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_without_a_token_nothing_is_done(
    program: httpx2.AsyncClient, services: Services, method: str, path: str, body: Any
) -> None:
    del program.headers["Authorization"]
    response = await program.request(method, f"/api/v1{path}", json=body)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert not services.calls


async def test_the_export_needs_a_token_too(program: httpx2.AsyncClient) -> None:
    del program.headers["Authorization"]
    assert (await program.get("/api/v1/me/export")).status_code == 401


BODIES = [(method, path, body) for method, path, body, *_ in CALLS if body is not None]


@pytest.mark.parametrize(
    ("method", "path", "body"), BODIES, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_hostile_bodies_reach_nobody(
    program: httpx2.AsyncClient, services: Services, method: str, path: str, body: dict[str, Any]
) -> None:
    field = next(iter(body))
    hostile = [
        (json.dumps({**body, "is_admin": True}).encode(), 422),
        (json.dumps({**body, field: 1}).encode(), 422),
        (json.dumps({**body, field: ["x"] * 50}).encode(), 422),
        (json.dumps({**body, field: "x" * 60_000}).encode(), 422),
        (json.dumps({**body, field: "x" * 150_000}).encode(), 413),
        (f'{{"{field}": NaN}}'.encode(), 422),
        (f'{{"{field}": "\\ud800"}}'.encode(), 422),
        (b'{"%s": %s}' % (field.encode(), b"9" * 5000), 422),
        (b"[" * 60_000, 422),
        (b"[" * 100_000, 413),
        (b'{"\xff": 1}', 422),
        (b"null", 422),
        (b" " * 5_000_000, 413),
    ]
    headers = {"Content-Type": "application/json"}
    for content, status in hostile:
        response = await program.request(method, f"/api/v1{path}", content=content, headers=headers)
        assert response.status_code == status, content[:80]
        assert response.headers["content-type"] == "application/problem+json"
        assert "x" * 100 not in response.text
    form = await program.request(method, f"/api/v1{path}", data=body)
    assert form.status_code == 415
    assert not services.called("auth (POST|PUT|PATCH|DELETE) .*")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "scopes": ["account"]},
        {"name": "x" * 101, "scopes": ["account"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["files:read", "everything"]},
        {"name": "x", "scopes": ["account"], "expires_in_days": 0},
        {"name": "x", "scopes": ["account"], "expires_in_days": 366},
        {"name": "x", "scopes": ["account"], "expires_in_days": 2**63},
        {"name": "x", "scopes": ["account"], "expires_in_days": None},
    ],
)
async def test_a_token_is_made_within_bounds(
    program: httpx2.AsyncClient, services: Services, body: dict[str, Any]
) -> None:
    response = await program.post("/api/v1/tokens", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert not services.called("auth POST /internal/tokens")


@pytest.mark.parametrize(
    "path",
    [
        "/sessions/-1",
        "/sessions/1_000",
        f"/sessions/{10**22}",
        "/sessions/currents",
        "/tokens/x",
        f"/tokens/{2**63}",
    ],
)
async def test_made_up_ids_name_nothing(program: httpx2.AsyncClient, path: str) -> None:
    assert (await program.delete(f"/api/v1{path}")).status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", f"cursor={'x' * 501}"])
async def test_made_up_pages_are_refused(program: httpx2.AsyncClient, query: str) -> None:
    assert (await program.get(f"/api/v1/me/security-log?{query}")).status_code == 422


async def test_too_many_tries_say_when_to_come_back(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on(
        "auth POST /internal/sessions",
        answer(429, {"code": "too_many_attempts", "params": {}}, Retry_After="600"),
    )
    response = await program.post("/api/v1/sessions", json=BOTH)
    assert (response.status_code, response.json()["code"]) == (429, "too_many_attempts")
    assert response.headers["retry-after"] == "600"


async def test_what_a_limited_token_may_not_do_is_told(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth GET /internal/sessions", refusal(403, "session_required"))
    response = await program.get("/api/v1/sessions")
    assert (response.status_code, response.json()["code"]) == (403, "session_required")


async def test_the_description_shows_the_public_address(
    program: httpx2.AsyncClient, services: Services
) -> None:
    page = await program.get("/api/docs", headers={"Accept": "text/html", "Host": "127.0.0.1:9"})
    assert "curl http://localhost:8000/api/v1/sessions" in page.text
    assert "127.0.0.1" not in page.text


async def test_why_a_password_is_too_weak_is_said_as_code_words(
    program: httpx2.AsyncClient, services: Services
) -> None:
    reasons = {"warning": "top_ten", "suggestion1": "add_words"}
    services.on("auth POST /internal/users", refusal(422, "password_too_weak", **reasons))
    body = {"email": "ann@example.org", "password": "password"}
    response = await program.post("/api/v1/users", json=body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "password_too_weak")
    assert problem["params"] == reasons
    assert problem["detail"]
