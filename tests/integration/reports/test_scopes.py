"""What a token that was made for a program may read, and what only the person may."""

from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from tests.support.apps import client_of, is_problem
from tests.support.keys import Keys

ONE = "5b62aebd-9760-476f-94c3-ae3a02036fb4"
ROUTES = {
    "/internal/files": "files:read",
    f"/internal/files/{ONE}": "files:read",
    f"/internal/files/{ONE}/checks": "checks:read",
    "/internal/checks": "checks:read",
    f"/internal/checks/{ONE}": "checks:read",
    "/internal/feed": "checks:read",
    "/internal/mails": None,
}
SCOPES = ["files:read", "files:write", "checks:read", "account"]


def limited(keys: Keys, scopes: list[str]) -> dict[str, str]:
    token = keys.identity("auth").sign_user(uuid4(), UUID(ONE), scopes)
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("path", "scope"), ROUTES.items())
async def test_a_limited_token_needs_the_scope_of_the_route(
    app: FastAPI, keys: Keys, path: str, scope: str | None
) -> None:
    others = [known for known in SCOPES if known != scope]
    code = "scope_missing" if scope else "session_needed"
    for scopes in ([], *([other] for other in others), others):
        async with client_of(app, headers=limited(keys, scopes)) as client:
            assert is_problem(await client.get(path), 403, code), scopes
    if scope is not None:
        app.state.stopping.set()  # so that the feed ends
        async with client_of(app, headers=limited(keys, [scope])) as client:
            assert (await client.get(path)).status_code in {200, 404}


@pytest.mark.parametrize("path", ROUTES)
async def test_without_a_token_nothing_is_read(app: FastAPI, path: str) -> None:
    async with client_of(app) as client:
        assert is_problem(await client.get(path), 401, "unauthenticated")
