"""The public API."""

import json
from uuid import UUID

import httpx2
import pytest

from tests.support.keys import Keys
from tests.unit.gateway.fake_services import (
    Services,
    answer,
    file,
    refusal,
    report,
    saved,
    schedule,
    summary,
    unreachable,
)

FILE = f"/api/v1/files/{file()['id']}"
LISTS = "reports GET /internal/(files|checks)"
ACCOUNT = {"email": "ann@example.org", "password": "correct horse"}


async def test_an_account_is_made_and_a_session_begun(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/users", answer(202, {}))
    made = await program.post("/api/v1/users", json={**ACCOUNT, "language": "ru"})
    assert (made.status_code, made.json()) == (202, {})
    (asked,) = services.called("auth POST /internal/users")
    sent = json.loads(asked.content)
    assert {name: sent[name] for name in (*ACCOUNT, "language")} == {**ACCOUNT, "language": "ru"}
    begun = await program.post("/api/v1/sessions", json=ACCOUNT)
    assert begun.status_code == 201
    assert set(begun.json()) == {"access_token", "refresh_token", "expires_in"}
    (asked,) = services.called("auth POST /internal/sessions")
    assert json.loads(asked.content)["kind"] == "api"


async def test_a_refresh_token_is_exchanged(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/sessions/refresh", answer(200, services.tokens("next")))
    body = {"refresh_token": "first"}
    refreshed = await program.post("/api/v1/sessions/refresh", json=body)
    assert refreshed.json()["refresh_token"] == "next"


async def test_a_session_is_ended(program: httpx2.AsyncClient) -> None:
    ended = await program.delete("/api/v1/sessions/current")
    assert ended.status_code == 204
    assert "content-type" not in ended.headers
    assert (await program.get("/api/v1/files")).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"null", 422),
        (b"[]", 422),
        (b"{", 422),
        (b'{"email": "a"}', 422),
        (b'{"email": 1, "password": "b"}', 422),
        (b'{"email": NaN, "password": "b"}', 422),
        (b'{"email": 1e400, "password": "b"}', 422),
        (b'{"email": "\\ud800", "password": "b"}', 422),
        (b'{"email": "a", "password": "b", "is_admin": true}', 422),
        (b'{"email": "a", "password": "' + b"x" * 60_000 + b'"}', 422),
        (b'{"email": "a", "password": "' + b"x" * 200_000 + b'"}', 413),
        (b'{"email": ' + b"9" * 5000 + b', "password": "b"}', 422),
        (b"[" * 60_000, 422),
        (b"[" * 100_000, 413),
        (b'{"email": "\xff", "password": "b"}', 422),
        (b'{"email": "a", "email": "b", "password": "x"}', 422),
        (b'{"email": "a", "password": 1, "password": "b"}', 422),
        (b" " * 5_000_000, 413),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_hostile_bodies_are_refused(
    program: httpx2.AsyncClient, services: Services, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("/api/v1/sessions", "/api/v1/users"):
        response = await program.post(path, content=body, headers=headers)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"]
    assert not services.calls


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data; boundary=b"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {},
    ],
)
async def test_json_is_asked_for(program: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    body = json.dumps(ACCOUNT).encode()
    response = await program.post("/api/v1/sessions", content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


async def test_an_upload_is_answered_with_the_file_and_its_address(
    program: httpx2.AsyncClient, services: Services
) -> None:
    reply = saved()
    services.on("files POST /internal/files", answer(201, reply))
    response = await program.post("/api/v1/files", files={"file": ("main.py", b"x")})
    assert (response.status_code, response.headers["location"]) == (201, FILE)
    assert (response.json()["mark"], response.json()["check"]) == ("new", "waiting")
    assert not services.called("reports .*")


async def test_what_files_refuses_is_told_with_its_code(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("files POST .*", refusal(409, "file_name_taken", file_id=str(UUID(int=5))))
    response = await program.post("/api/v1/files", files={"file": ("main.py", b"x")})
    assert (response.status_code, response.json()["code"]) == (409, "file_name_taken")
    assert response.json()["params"] == {"file_id": str(UUID(int=5))}


async def test_a_file_is_replaced_and_deleted(
    program: httpx2.AsyncClient, services: Services
) -> None:
    reply = saved(version=2, mark="replaced")
    services.on("files PUT .*", answer(200, reply))
    services.on("files DELETE .*", answer(200, reply))
    services.on("reports GET /internal/files/.*", refusal(404, "not_found"))
    replaced = await program.put(f"{FILE}/content", files={"file": ("new.py", b"x")})
    assert replaced.status_code == 200
    assert (replaced.json()["version"], replaced.json()["mark"]) == (2, "replaced")
    assert (await program.delete(FILE)).status_code == 204


async def test_reading(program: httpx2.AsyncClient, services: Services) -> None:
    log = {"checks": [summary()], "next_cursor": None}
    content = answer(200, b"x = 1\n", X_File_Name="main.py", X_File_Version="1")
    services.on("reports GET /internal/files/[^/]*", answer(200, file()))
    services.on("reports GET /internal/files/[^/]*/checks", answer(200, log))
    services.on("reports GET /internal/checks", answer(200, log))
    services.on("reports GET /internal/checks/.*", answer(200, report()))
    services.on("files GET .*", content)
    services.on("checker GET .*", answer(200, schedule()))
    assert (await program.get(FILE)).json()["last_check"]["mail"]["state"] == "sent"
    assert (await program.get(f"{FILE}/checks")).json()["checks"][0]["file_name"] == "main.py"
    assert (await program.get("/api/v1/checks")).json()["next_cursor"] is None
    assert (await program.get(f"/api/v1/checks/{UUID(int=1)}")).json()["findings"][0]["row"] == 1
    assert (await program.get(f"{FILE}/content")).content == b"x = 1\n"
    assert (await program.get("/api/v1/schedule")).json()["interval_seconds"] == 60
    assert (await program.get("/api/v1/me")).json()["email"] == "ann@example.org"


@pytest.mark.parametrize(
    "path",
    [
        "/files?limit=0",
        "/files?limit=x",
        "/files?limit=1e9",
        "/files?after=x",
        f"/files?after={10**22}",
        "/files?limit=1_000",
        "/files?limit=NaN",
        "/checks?limit=NaN",
        "/checks?limit=1e400",
        "/checks?limit=1_0",
        "/checks?limit=201",
        f"/checks?limit={'9' * 5000}",
        "/checks?file_id=-1",
        "/checks?file_id=%00",
        f"/files/{UUID(int=1)}/content?version=0",
        f"/files/{UUID(int=1)}/content?version={2**63}",
    ],
)
async def test_made_up_values_are_refused(program: httpx2.AsyncClient, path: str) -> None:
    response = await program.get(f"/api/v1{path}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    "path",
    [
        "/files/-1",
        "/files/1_000",
        f"/files/{2**63}",
        f"/files/{10**22}",
        "/files/x/content",
        "/checks/x",
        "/checks/%00",
        "/files/%ff",
        "/files/..%2f",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_made_up_ids_name_nothing(
    program: httpx2.AsyncClient, method: str, path: str
) -> None:
    response = await program.request(method, f"/api/v1{path}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("cursor", ["garbage", "\0", "../"])
@pytest.mark.parametrize("path", ["/api/v1/files", "/api/v1/checks", "/", "/checks"])
async def test_whether_a_cursor_is_good_is_asked_of_reports(
    program: httpx2.AsyncClient,
    person: httpx2.AsyncClient,
    services: Services,
    path: str,
    cursor: str,
) -> None:
    services.on(LISTS, refusal(422, "cursor_invalid"))
    http = program if path.startswith("/api") else person
    response = await http.get(path, params={"cursor": cursor})
    (asked,) = services.called(LISTS)
    assert asked.url.params["cursor"] == cursor
    assert response.status_code == 422
    assert "This page of the list does not exist." in response.text


@pytest.mark.parametrize(
    ("path", "most"),
    [("/api/v1/files", 1000), ("/api/v1/checks", 500), ("/", 1000), ("/checks", 500)],
)
async def test_of_a_cursor_that_is_too_long_nobody_is_asked(
    program: httpx2.AsyncClient,
    person: httpx2.AsyncClient,
    services: Services,
    path: str,
    most: int,
) -> None:
    http = program if path.startswith("/api") else person
    await http.get(path, params={"cursor": "x" * most})
    assert len(services.called(LISTS)) == 1
    refused = await http.get(path, params={"cursor": "x" * (most + 1)})
    assert refused.status_code == 422
    assert len(services.called(LISTS)) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/files"), ("DELETE", "/files"), ("POST", "/schedule"), ("PUT", "/sessions")],
)
async def test_wrong_methods_are_refused(
    program: httpx2.AsyncClient, method: str, path: str
) -> None:
    response = await program.request(method, f"/api/v1{path}")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("token", ["", "x", "Basic abc", "Bearer", "Bearer x.y.z"])
async def test_without_a_token_nothing_is_told(program: httpx2.AsyncClient, token: str) -> None:
    response = await program.get(FILE, headers={"Authorization": token})
    assert response.status_code == 401


async def test_tokens_of_services_are_no_access_tokens(
    program: httpx2.AsyncClient, keys: Keys
) -> None:
    token = keys.identity("auth").sign_service("gateway")
    response = await program.get(FILE, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401


async def test_reading_needs_no_auth_service(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth .*", unreachable)
    assert (await program.get("/api/v1/files")).status_code == 200


async def test_the_description_names_every_operation(program: httpx2.AsyncClient) -> None:
    document = (await program.get("/api/openapi.json")).json()
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    page = (await program.get("/api/docs", headers={"Accept": "text/html"})).text
    for path, methods in document["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
            assert operation["description"]
    assert "https://" not in page
