"""What a token that was made for a program may read, and what only the person may."""

from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from tests.integration.conftest import Pools
from tests.integration.reports.harness import KINDS_OF_FILES, save_every_kind_of_file
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


def limited(keys: Keys, scopes: list[str] | None, user_id: UUID | None = None) -> dict[str, str]:
    token = keys.identity("auth").sign_user(user_id or uuid4(), UUID(ONE), scopes)
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("path", "scope"), ROUTES.items())
async def test_a_limited_token_needs_the_scope_of_the_route(
    app: FastAPI, keys: Keys, path: str, scope: str | None
) -> None:
    others = [other for other in SCOPES if other != scope]
    code = "insufficient_scope" if scope else "session_required"
    for scopes in ([], *([other] for other in others), others):
        async with client_of(app, headers=limited(keys, scopes)) as client:
            assert is_problem(await client.get(path), 403, code), scopes
    if scope is not None:
        app.state.stopping.set()  # so that the feed ends
        async with client_of(app, headers=limited(keys, [scope])) as client:
            assert (await client.get(path)).status_code in {200, 404}


@pytest.mark.parametrize("scopes", [["files:read"], ["files:read", "files:write", "account"]])
async def test_without_checks_read_no_file_tells_its_verdict(
    app: FastAPI, keys: Keys, pools: Pools, ann: UUID, scopes: list[str]
) -> None:
    await save_every_kind_of_file(pools, ann)
    async with client_of(app, headers=limited(keys, scopes, ann)) as client:
        for mark in ({}, {"mark": "deleted"}):
            for listed in (await client.get("/internal/files", params=mark)).json()["files"]:
                alone = (await client.get(f"/internal/files/{listed['id']}")).json()
                assert alone == listed
                assert listed["last_check"] is None
                assert (listed["mark"], listed["check"]) == KINDS_OF_FILES[listed["name"]][:2]
                assert not {"verdict", "counts", "outcome"} & listed.keys()
        for verdict in ("ready", "not_ready"):
            for more in ({}, {"mark": "deleted"}, {"check": "checked"}, {"limit": 1}):
                asked = {"verdict": verdict, **more}
                refused = await client.get("/internal/files", params=asked)
                assert is_problem(refused, 403, "insufficient_scope")
                assert refused.json()["params"] == {"scope": "checks:read"}
        assert len((await client.get("/internal/files?check=failed")).json()["files"]) == 1


@pytest.mark.parametrize("scopes", [["files:read", "checks:read"], None])
async def test_with_checks_read_or_in_a_session_they_do(
    app: FastAPI, keys: Keys, pools: Pools, ann: UUID, scopes: list[str] | None
) -> None:
    await save_every_kind_of_file(pools, ann)
    async with client_of(app, headers=limited(keys, scopes, ann)) as client:
        found = (await client.get("/internal/files?verdict=ready")).json()["files"]
        assert [file["name"] for file in found] == ["good.py"]
        assert found[0]["last_check"]["verdict"] == "ready"
        assert (await client.get(f"/internal/files/{found[0]['id']}")).json() == found[0]


@pytest.mark.parametrize("path", ROUTES)
async def test_without_a_token_nothing_is_read(app: FastAPI, path: str) -> None:
    async with client_of(app) as client:
        assert is_problem(await client.get(path), 401, "unauthenticated")
