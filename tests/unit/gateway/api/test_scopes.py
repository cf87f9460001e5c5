"""Each scope of a limited token against each operation of the API: allowed, or 403.

The services decide. What stands in for them here asks the dependencies of their own routes.
"""

import inspect
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from typing import Any, get_args
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Match

from services.auth.api import ROUTERS as AUTH
from services.checker.api import router as checker
from services.files.api import ROUTERS as FILES
from services.reports.api import ROUTERS as REPORTS
from shared.contracts.auth import Scope
from shared.web.identity import Identity
from tests.support.keys import Keys
from tests.unit.gateway.conftest import Browsers
from tests.unit.gateway.fake_services import Network, Services, refusal

SCOPES: list[Scope] = list(get_args(Scope))
# Which scope reaches an operation; the others that need a token are for sessions only.
REACHED: dict[str, Scope] = {
    "GET /me": "account",
    "GET /files": "files:read",
    "POST /files": "files:write",
    "GET /files/archive": "files:read",
    "GET /limits": "files:read",
    "GET /files/{file_id}": "files:read",
    "DELETE /files/{file_id}": "files:write",
    "GET /files/{file_id}/content": "files:read",
    "PUT /files/{file_id}/content": "files:write",
    "GET /files/{file_id}/checks": "checks:read",
    "POST /files/{file_id}/restore": "files:write",
    "GET /files/{file_id}/versions": "files:read",
    "GET /files/{file_id}/diff": "files:read",
    "GET /checks": "checks:read",
    "GET /checks/{check_id}": "checks:read",
    "GET /events": "checks:read",
    "GET /schedule": "checks:read",
}
BODIES: dict[str, Any] = {
    "DELETE /me": {"password": "p"},
    "POST /confirmations": {"token": "t"},
    "PATCH /me": {"theme": "dark"},
    "POST /me/email": {"email": "ann@example.org", "password": "p"},
    "POST /me/password": {"current_password": "a", "new_password": "b"},
    "POST /me/second-factor": {"password": "p"},
    "PUT /me/second-factor": {"code": "123456"},
    "DELETE /me/second-factor": {"password": "p", "code": "123456"},
    "POST /me/second-factor/recovery-codes": {"password": "p", "code": "123456"},
    "POST /tokens": {"name": "build", "scopes": ["files:read"]},
}


def _scopes(dependant: Dependant) -> Iterator[Scope | None]:
    """The scopes that the dependencies of a route require."""
    for part in dependant.dependencies:
        ask = getattr(part.call, "ask", None)
        if getattr(ask, "__qualname__", "").startswith("user_with."):
            yield inspect.getclosurevars(ask).nonlocals["scope"]  # type: ignore[arg-type]
        yield from _scopes(part)


def _needed(service: str, method: str, path: str) -> set[Scope | None]:
    for route in chain.from_iterable(router.routes for router in ROUTERS[service]):
        assert isinstance(route, APIRoute)
        for address in (path, path.removeprefix("/internal")):  # a part of a router lacks it
            match, _ = route.matches({"type": "http", "method": method, "path": address})
            if match is Match.FULL:
                return set(_scopes(route.dependant))
    raise AssertionError(f"no service has {method} {path}")


ROUTERS = {
    "auth": AUTH,
    "checker": [checker],
    "files": FILES,
    "reports": REPORTS,
}


class Guarded(httpx2.AsyncBaseTransport):
    """Services that check scopes like their routes, and answer 404 to allowed calls."""

    def __init__(self, services: Services, identity: dict[str, Identity]) -> None:
        self._others, self._identity = services.transport(), identity
        self.passed: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        service, path = request.url.host, request.url.path
        if path.startswith("/internal/sessions/") and request.method == "GET":
            return await self._others.handle_async_request(request)  # whether the session lives
        await request.aread()
        needed = _needed(service, request.method, path)
        token = request.headers["authorization"].removeprefix("Bearer ")
        user = self._identity[service].verify_user(token)
        if user.scopes is not None and not needed <= user.scopes:
            return refusal(403, "insufficient_scope", scope="x")(request)
        assert needed, (request.method, path)
        self.passed.append(path)
        return refusal(404, "not_found")(request)


@pytest.fixture
def guarded(services: Services, keys: Keys) -> Guarded:
    return Guarded(services, {name: keys.identity(name) for name in ROUTERS})


@pytest_asyncio.fixture
async def robot(
    browsers: Browsers, network: Network, guarded: Guarded
) -> AsyncIterator[httpx2.AsyncClient]:
    network.transport = guarded
    async with browsers() as http:
        http.headers["Accept"] = "application/json"
        yield http


async def _operations(http: httpx2.AsyncClient) -> dict[str, dict[str, Any]]:
    """Those that need a token, by method and path."""
    document = (await http.get("/api/openapi.json")).json()
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation.get("security")
    }


def _request(name: str, operation: dict[str, Any]) -> dict[str, Any]:
    method, _, path = name.partition(" ")
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", str(UUID(int=9)))
    asked: dict[str, Any] = {"method": method, "url": f"/api/v1{path}", "params": {}}
    if any(one["name"] == "from" for one in operation.get("parameters", [])):
        asked["params"] = {"from": 1, "to": 2}
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        asked["files"] = {"file": ("a.py", b"x = 1\n")}
    elif content:
        asked["json"] = BODIES[name]
    return asked


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_reaches_what_it_names_and_nothing_else(
    robot: httpx2.AsyncClient, services: Services, guarded: Guarded, scope: Scope
) -> None:
    operations = await _operations(robot)
    assert operations.keys() >= REACHED.keys()
    wrong = []
    for name, operation in operations.items():
        guarded.passed.clear()
        robot.headers["Authorization"] = f"Bearer {services.limited_token(scope)}"
        response = await robot.request(**_request(name, operation))
        is_refused = response.status_code == 403
        if is_refused:
            assert response.json()["code"] == "insufficient_scope", name
        if is_refused == (REACHED.get(name) == scope) or bool(guarded.passed) == is_refused:
            wrong.append((name, response.status_code, guarded.passed))
    assert wrong == []


async def test_a_session_reaches_everything(
    robot: httpx2.AsyncClient, services: Services, guarded: Guarded
) -> None:
    robot.headers["Authorization"] = f"Bearer {services.access_token()}"
    for name, operation in (await _operations(robot)).items():
        guarded.passed.clear()
        response = await robot.request(**_request(name, operation))
        assert response.status_code == 404, name
        assert guarded.passed, name


async def test_every_operation_with_a_token_declares_its_refusals(
    robot: httpx2.AsyncClient,
) -> None:
    for name, operation in (await _operations(robot)).items():
        assert {"401", "403"} <= operation["responses"].keys(), name
