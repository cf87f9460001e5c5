"""Every id of one person, tried by another with every verb, in the API and on the screens."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest_asyncio

from tests.e2e.conftest import Register
from tests.support.people import PASSWORD, Person
from tests.support.product import Product
from tests.support.waiting import eventually

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_PARAMETER = re.compile(r"{(\w+)}")


@dataclass
class Scene:
    """Ann, who owns things, and Bob, who does not."""

    ann: Person
    bob: Person
    ids: dict[str, str]  # of Ann's things, by the name of the path parameter


@pytest_asyncio.fixture(scope="module")
async def scene(register: Register) -> Scene:
    ann, bob = await register("ann.owner@example.com"), await register("bob.thief@example.com")
    await ann.upload("secret.py", b"import os\n")
    await eventually(ann.all_mails_sent, seconds=60)
    [check] = await ann.checks("secret.py")
    token = await ann.http.post(
        "/tokens", json={"name": "robot", "scopes": ["files:read"], "expires_in_days": 1}
    )
    sessions = await ann.get("/sessions")
    ids = {
        "file_id": ann.files["secret.py"],
        "check_id": check["id"],
        "token_id": token.json()["id"],
        "session_id": sessions["sessions"][0]["id"],
    }
    return Scene(ann, bob, ids)


async def test_in_the_api_what_is_not_mine_is_not_there(product: Product, scene: Scene) -> None:
    document = await _document(product)
    paths = {path: verbs for path, verbs in document["paths"].items() if _PARAMETER.search(path)}
    assert len(paths) >= 8
    answers = {
        (verb, path): await _try(scene, verb, path, verbs.get(verb.lower()))
        for path, verbs in paths.items()
        for verb in VERBS
    }

    wrong = {
        tried: status
        for tried, status in answers.items()
        if status not in _allowed(tried, paths[tried[1]])
    }
    assert wrong == {}
    await _nothing_happened(scene)


async def test_without_a_token_nothing_is_told(product: Product, scene: Scene) -> None:
    document = await _document(product)
    async with httpx2.AsyncClient(base_url=product.url) as stranger:
        for path, verbs in document["paths"].items():
            for verb, operation in verbs.items():
                needed = operation.get("security", [])
                if needed and {} not in needed:  # which says that it may be left out
                    address = _filled(path, scene.ids)
                    answer = await stranger.request(verb.upper(), address, json={})
                    assert answer.status_code == 401, (verb, path)
    await _nothing_happened(scene)


async def test_on_the_screens_what_is_not_mine_is_not_there(product: Product, scene: Scene) -> None:
    screens = [
        "/files/{file_id}",
        "/files/{file_id}/change",
        "/files/{file_id}/edit",
        "/files/{file_id}/delete",
        "/files/{file_id}/content",
        "/files/{file_id}/diff?from=1&to=1",
        "/files/{file_id}/newer?than=1",
        "/checks/{check_id}",
    ]
    text = {"version": "1", "name": "secret.py", "text": "mine = 1\r\n"}
    forms: dict[str, dict[str, Any]] = {
        "/files/{file_id}/change": {"data": {"version": "1"}, "files": _upload()},
        "/files/{file_id}/edit": {"files": {name: (None, one) for name, one in text.items()}},
        "/files/{file_id}/delete": {"data": {"version": "1"}},
        "/files/{file_id}/restore": {},
    }
    gone = {  # told like what has ended by itself
        "/account/sessions/{session_id}/end": "/account/sessions",
        "/account/tokens/{token_id}/revoke": "/account/tokens",
    }
    async with httpx2.AsyncClient(base_url=product.url) as browser:
        login = {"email": scene.bob.email, "password": PASSWORD}
        assert (await browser.post("/login", data=login)).status_code == 303
        for screen in screens:
            answer = await browser.get(_filled(screen, scene.ids))
            assert answer.status_code == 404, screen
            assert "secret" not in answer.text
        for form, sent in forms.items():
            answer = await browser.post(_filled(form, scene.ids), **sent)
            assert answer.status_code == 404, form
        for form, back in gone.items():
            answer = await browser.post(_filled(form, scene.ids))
            assert (answer.status_code, answer.headers["location"]) == (303, back)
    await _nothing_happened(scene)


async def _document(product: Product) -> dict[str, Any]:
    async with httpx2.AsyncClient(base_url=product.url) as http:
        return dict((await http.get("/api/openapi.json")).json())


async def _try(scene: Scene, verb: str, path: str, operation: dict[str, Any] | None) -> int:
    address = str(scene.bob.http.base_url.copy_with(path="/")).rstrip("/")
    answer = await scene.bob.http.request(
        verb, address + _filled(path, scene.ids), **_body(operation or {})
    )
    return answer.status_code


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    """A request that only the owner's name would make acceptable."""
    more: dict[str, Any] = {"params": {}}
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query" and parameter.get("required"):
            more["params"][parameter["name"]] = 1
    if "multipart/form-data" in operation.get("requestBody", {}).get("content", {}):
        more["files"] = _upload()
    return more


def _upload() -> dict[str, tuple[str, bytes]]:
    return {"file": ("mine.py", b"x = 1\n")}


def _allowed(tried: tuple[str, str], verbs: dict[str, Any]) -> set[int]:
    """404 for what the owner could do, 405 for what nobody can."""
    verb = "get" if tried[0] == "HEAD" else tried[0].lower()
    return {404, 405} if tried[0] == "HEAD" else {404} if verb in verbs else {405}


def _filled(path: str, ids: dict[str, str]) -> str:
    return _PARAMETER.sub(lambda found: ids[found[1]], path)


async def _nothing_happened(scene: Scene) -> None:
    file = await scene.ann.get(f"/files/{scene.ids['file_id']}")
    assert (file["name"], file["version"], file["mark"]) == ("secret.py", 1, "new")
    assert [token["id"] for token in (await scene.ann.get("/tokens"))["tokens"]] == [
        scene.ids["token_id"]
    ]
    sessions = (await scene.ann.get("/sessions"))["sessions"]
    assert scene.ids["session_id"] in {session["id"] for session in sessions}


async def test_another_address_per_try_gives_no_more_tries(
    product: Product, register: Register
) -> None:
    victim = await register("often.tried@example.com")
    body = {"email": victim.email, "password": "wrong horse battery"}
    told = []
    async with httpx2.AsyncClient(base_url=f"{product.url}/api/v1", timeout=30) as http:
        for number in range(11):
            claimed = {"X-Forwarded-For": f"203.0.113.{number}"}
            told.append(await http.post("/sessions", json=body, headers=claimed))
    assert [answer.status_code for answer in told] == [401] * 10 + [429]
    assert 0 < int(told[-1].headers["retry-after"]) <= 900
