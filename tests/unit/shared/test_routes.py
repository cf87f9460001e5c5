"""Who calls is judged before a byte of what was sent is read, and JSON is read once."""

import json
from collections.abc import AsyncIterator, Iterator
from inspect import isasyncgenfunction, iscoroutinefunction
from itertools import chain
from typing import Any
from unittest.mock import Mock

import httpx2
import pytest
import pytest_asyncio
from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict

from services.auth.api import ROUTERS as AUTH
from services.checker import api as checker
from services.files.api import ROUTERS as FILES
from services.gateway.api import ROUTERS as API
from services.gateway.web import ROUTERS as SCREENS
from services.gateway.web import static_files
from services.reports.api import ROUTERS as REPORTS
from shared.settings import Settings
from shared.web import event_log
from shared.web.app import create_app
from shared.web.bodies import MAX_BODY, MAX_NESTING
from shared.web.identity import CurrentUser, allowed_services
from shared.web.problems import MAX_ERRORS
from shared.web.routes import EarlyDependency, Route, Router, early_dependencies
from tests.support.apps import as_service, as_user, client_of, common_settings, is_problem
from tests.support.events import ANN
from tests.support.keys import Keys

JSON = {"Content-Type": "application/json"}
EVERYBODY = {
    "auth": AUTH,
    "checker": [checker.router],
    "files": FILES,
    "gateway": [static_files.router, *API, *SCREENS],
    "reports": REPORTS,
    "notifier": [event_log.router("notifier")],
}
inner = Router()
router = Router(dependencies=[Depends(allowed_services("checker"))])


class Note(BaseModel):
    text: Any


@inner.post("/notes")
async def note(user: CurrentUser, note: Note) -> str:
    return json.dumps(note.text)


@router.post("/inbox")
async def put(note: Note) -> None:
    pass


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


@inner.post("/strict")
async def refuse(_: Strict) -> None:
    pass


@inner.post("/open")
async def leave(note: Note) -> str:
    return json.dumps(note.text)


@pytest.fixture
def app(keys: Keys) -> FastAPI:
    settings = Settings(**common_settings("files", keys))
    return create_app("files", settings, [inner, router])


@pytest_asyncio.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def unread() -> AsyncIterator[bytes]:
    """A body that nobody may look at."""
    yield pytest.fail("read")


@pytest.mark.parametrize("path", ["/notes", "/inbox"])
@pytest.mark.parametrize("given", [None, "Bearer x", "Basic x", "Bearer " + "x" * 5000])
async def test_without_a_token_nothing_is_read(
    client: httpx2.AsyncClient, path: str, given: str | None
) -> None:
    headers = JSON if given is None else JSON | {"Authorization": given}
    answer = await client.post(path, headers=headers, content=unread())
    assert is_problem(answer, 401, "unauthenticated")


async def test_a_service_that_may_not_call_is_told_before_it_has_sent_anything(
    client: httpx2.AsyncClient, keys: Keys
) -> None:
    headers = JSON | as_service(keys, "notifier", "files")
    answer = await client.post("/inbox", headers=headers, content=unread())
    assert is_problem(answer, 403, "forbidden")


async def test_a_token_is_verified_once(
    client: httpx2.AsyncClient, app: FastAPI, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = Mock(wraps=app.state.identity.verify_user)
    monkeypatch.setattr(app.state.identity, "verify_user", verify)
    answer = await client.post("/notes", headers=as_user(keys, ANN), json={"text": 1})
    assert (answer.status_code, verify.call_count) == (200, 1)


async def test_json_is_parsed_once(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = Mock(wraps=json.loads)
    monkeypatch.setattr(json, "loads", loads)
    answer = await client.post("/open", content=b'{"text": 1}', headers=JSON)
    assert (answer.status_code, loads.call_count) == (200, 1)


@pytest.mark.parametrize(
    "text", ['"["', '"\\"[["', '"\\\\"', '"' + "[{" * 50 + '"', '["' + "\\\\[" * 50 + '"]', "[]"]
)
async def test_brackets_in_strings_are_no_nesting(client: httpx2.AsyncClient, text: str) -> None:
    answer = await client.post("/open", content=f'{{"text": {text}}}', headers=JSON)
    assert json.loads(answer.json()) == json.loads(text)


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}"), ('["]",', "]")])
async def test_nesting_has_a_bound(client: httpx2.AsyncClient, begin: str, end: str) -> None:
    for depth, status in ((MAX_NESTING - 1, 200), (MAX_NESTING, 422)):
        content = '{"text": ' + begin * depth + "1" + end * depth + "}"
        answer = await client.post("/open", content=content, headers=JSON)
        assert answer.status_code == status, depth
    [error] = answer.json()["errors"]
    assert error == {"in": "body", "field": "body", "code": "nesting"}


async def test_a_deep_body_is_not_built(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("built"))
    answer = await client.post("/open", content=b"[" * (MAX_BODY - 1), headers=JSON)
    assert answer.status_code == 422


async def test_the_limit_is_64_kib(client: httpx2.AsyncClient) -> None:
    body = b'{"text": 1}'
    fits = body + b" " * (MAX_BODY - len(body))
    assert (await client.post("/open", content=fits, headers=JSON)).status_code == 200
    assert is_problem(
        await client.post("/open", content=fits + b" ", headers=JSON), 413, "too_large"
    )


async def test_a_thousand_mistakes_are_not_all_told(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/strict", json={str(number): 0 for number in range(5000)})
    assert (answer.status_code, len(answer.json()["errors"])) == (422, MAX_ERRORS)
    assert len(answer.content) < 3000


@pytest.mark.parametrize("service", EVERYBODY)
def test_each_route_of_each_service_asks_its_judges_first(service: str) -> None:
    found = [*iter_route_contexts([*chain.from_iterable(one.routes for one in EVERYBODY[service])])]
    assert found
    for context in found:
        route = context.original_route
        assert isinstance(route, Route), context.path
        needed = {one.call for one in _all(context.dependant)}
        early = {one for one in needed if isinstance(one, EarlyDependency)}
        assert early == {*early_dependencies(route.dependant)}, context.path
        late = [one for one in needed - early if _reads_a_token(one)]
        assert not late, f"{context.path} reads a token after the body"
        assert service == "gateway" or early, f"{context.path} lets everybody in"


@pytest.mark.parametrize("service", EVERYBODY)
def test_nothing_that_a_route_needs_is_fetched_by_a_thread(service: str) -> None:
    """FastAPI gives each function that is not async to a thread, and waits for it."""
    found = [*iter_route_contexts([*chain.from_iterable(one.routes for one in EVERYBODY[service])])]
    for context in found:
        needed = [context.dependant, *_all(context.dependant)]
        threads = [one.call for one in needed if not _is_async(one.call)]
        assert not threads, context.path


def _is_async(call: object) -> bool:
    functions = (call, type(call).__call__)
    return any(iscoroutinefunction(one) or isasyncgenfunction(one) for one in functions)


def _reads_a_token(call: object) -> bool:
    return "bearer_token" in getattr(getattr(call, "__code__", None), "co_names", ())


def _all(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _all(one)
