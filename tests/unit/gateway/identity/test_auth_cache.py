"""How long the gateway accepts tokens and sessions that have ended."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import httpx2
import pytest

from services.gateway.clients.ttl_cache import TtlCache
from services.gateway.identity.auth_cache import RETRY_AFTER, TTL, ActiveSessions, ApiTokenCache
from shared.contracts.auth import Scope
from shared.errors import Unauthenticated, Unavailable
from shared.web.identity import User
from tests.support.keys import Keys
from tests.unit.gateway.fake_services import Services, answer, refusal, unreachable

TOKEN = "prv_" + "a" * 40


class Clock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def limited(services: Services, *scopes: Scope) -> None:
    """Have auth exchange any API token for an access token of these scopes."""
    tokens = services.tokens(token=None)
    tokens["access_token"] = services.limited_token(*scopes)
    services.on("auth POST /internal/tokens/access", answer(200, tokens))


async def test_an_api_token_opens_the_api_with_its_own_scopes(
    program: httpx2.AsyncClient, services: Services, keys: Keys
) -> None:
    limited(services, "files:read")
    program.headers["Authorization"] = f"Bearer {TOKEN}"
    assert (await program.get("/api/v1/files")).status_code == 200
    (asked,) = services.called("reports GET /internal/files")
    user = keys.identity("reports").verify_user(asked.headers["authorization"].split()[1])
    assert user.scopes == frozenset({"files:read"})
    await program.get("/api/v1/files")
    assert len(services.called("auth POST /internal/tokens/access")) == 1
    assert not services.called("auth GET /internal/sessions/.*")


async def test_a_token_revoked_here_is_refused_at_once(
    program: httpx2.AsyncClient, services: Services
) -> None:
    limited(services, "files:read")
    mine = program.headers["Authorization"]
    program.headers["Authorization"] = f"Bearer {TOKEN}"
    assert (await program.get("/api/v1/files")).status_code == 200
    services.on("auth DELETE /internal/tokens/.*", answer(204))
    services.on("auth POST /internal/tokens/access", refusal(401, "unauthenticated"))
    program.headers["Authorization"] = mine
    assert (await program.delete(f"/api/v1/tokens/{uuid4()}")).status_code == 204
    program.headers["Authorization"] = f"Bearer {TOKEN}"
    assert (await program.get("/api/v1/files")).status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        "prv_",
        "prv_short",
        "prv_" + "a" * 191,
        "prv_" + "a" * 5000,
        "prv_ab cd efgh",
        "prv_ééééééééé",
    ],
)
async def test_what_is_no_api_token_is_refused_without_asking(
    program: httpx2.AsyncClient, services: Services, token: str
) -> None:
    headers = [(b"Authorization", f"Bearer {token}".encode())]
    del program.headers["Authorization"]
    response = await program.get("/api/v1/files", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert not services.calls


async def test_two_authorization_headers_are_none(
    program: httpx2.AsyncClient, services: Services
) -> None:
    token = program.headers.pop("Authorization").encode()
    headers = [(b"Authorization", token), (b"Authorization", token)]
    assert (await program.get("/api/v1/files", headers=headers)).status_code == 401
    assert not services.calls


async def test_a_refresh_token_used_twice_ends_the_session_at_once(
    program: httpx2.AsyncClient, services: Services
) -> None:
    first = (await program.post("/api/v1/sessions", json={"email": "a", "password": "b"})).json()
    services.on("auth POST /internal/sessions/refresh", answer(200, services.tokens("next")))
    again = {"refresh_token": first["refresh_token"]}
    second = (await program.post("/api/v1/sessions/refresh", json=again)).json()
    program.headers["Authorization"] = f"Bearer {second['access_token']}"
    assert (await program.get("/api/v1/files")).status_code == 200
    services.on("auth POST /internal/sessions/refresh", refusal(401, "unauthenticated"))
    assert (await program.post("/api/v1/sessions/refresh", json=again)).status_code == 401
    assert (await program.get("/api/v1/files")).status_code == 401


async def test_a_made_up_refresh_token_ends_nobodys_session(
    program: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/sessions/refresh", refusal(401, "unauthenticated"))
    made_up = {"refresh_token": "made up"}
    assert (await program.post("/api/v1/sessions/refresh", json=made_up)).status_code == 401
    assert (await program.get("/api/v1/files")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/me/password", {"current_password": "a", "new_password": "b"}),
        ("PUT", "/password-resets", {"token": "a", "password": "b"}),
        ("DELETE", "/sessions", None),
        ("DELETE", "/me", {"password": "a"}),
    ],
)
async def test_what_ends_sessions_makes_the_gateway_ask_again(
    program: httpx2.AsyncClient, services: Services, method: str, path: str, body: object
) -> None:
    assert (await program.get("/api/v1/files")).status_code == 200
    services.on("auth (POST|PUT) .*", answer(204))
    services.on("auth DELETE .*", answer(200, {"ended": 1}))
    done = await program.request(method, f"/api/v1{path}", json=body)
    assert done.is_success
    services.on("auth GET /internal/sessions/.*", refusal(404, "not_found"))
    assert (await program.get("/api/v1/files")).status_code == 401


def exchange(users: list[User | Exception]) -> Callable[[str], Awaitable[tuple[User, int]]]:
    async def given(_: str) -> tuple[User, int]:
        found = users.pop(0)
        if isinstance(found, Exception):
            raise found
        return found, 600

    return given


async def test_within_a_minute_what_has_ended_is_over() -> None:
    clock, user = Clock(), User(uuid4(), uuid4(), "t")
    alive = [True, False]

    async def ask(_: UUID) -> bool:
        return alive.pop(0)

    active = ActiveSessions(ask, clock)
    tokens = ApiTokenCache(exchange([user, Unauthenticated()]), clock)
    assert await active.is_active(user.session_id)
    assert await tokens.user(TOKEN) is user
    clock.now += 60
    assert not await active.is_active(user.session_id)
    with pytest.raises(Unauthenticated):
        await tokens.user(TOKEN)


async def test_an_api_token_is_believed_for_half_a_minute() -> None:
    clock, user = Clock(), User(uuid4(), uuid4(), "t")
    tokens = ApiTokenCache(exchange([user, Unauthenticated()]), clock)
    assert await tokens.user(TOKEN) is user
    clock.now += TTL - 1
    assert await tokens.user(TOKEN) is user
    clock.now += 2
    with pytest.raises(Unauthenticated):
        await tokens.user(TOKEN)


async def test_while_auth_is_away_the_access_token_serves_until_it_runs_out() -> None:
    clock, user = Clock(), User(uuid4(), uuid4(), "t")
    tokens = ApiTokenCache(exchange([user, *[Unavailable() for _ in range(3)]]), clock)
    assert await tokens.user(TOKEN) is user
    for wait in (TTL, RETRY_AFTER):
        clock.now += wait
        assert await tokens.user(TOKEN) is user
    clock.now += 600
    with pytest.raises(Unavailable):
        await tokens.user(TOKEN)


async def test_an_ended_session_stays_so_while_its_access_token_is_valid() -> None:
    clock, session = Clock(), uuid4()

    async def ask(_: UUID) -> bool:
        raise Unavailable

    active = ActiveSessions(ask, clock)
    active.end(session)
    active.invalidate_all()
    clock.now += 600
    assert not await active.is_active(session)


def test_a_cache_is_bounded() -> None:
    cache = TtlCache[int, bool](max_entries=3)
    for n in range(10):
        cache.set(n, True, 60)
    assert sum(cache.get(n) is not None for n in range(10)) <= 3
    assert cache.get(9)


async def test_a_session_takes_the_language_zone_and_colours_of_the_account(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.preferences = {"language": "ru", "time_zone": "Europe/Moscow", "theme": "dark"}
    await browser.post("/login", data={"email": "a", "password": "b"})
    page = (await browser.get("/checks")).text
    assert '<html lang="ru" data-bs-theme="dark" data-zone="Europe/Moscow">' in page
    services.on(
        "auth POST /internal/sessions/access",
        answer(
            200,
            services.tokens(None)
            | {"preferences": {"language": "en", "time_zone": "auto", "theme": "auto"}},
        ),
    )
    del browser.cookies["access"]
    await browser.get("/checks")
    assert '<html lang="en">' in (await browser.get("/checks")).text


async def test_nothing_is_waited_for_when_auth_cant_tell_whether_an_address_is_confirmed(
    person: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth GET /internal/me", unreachable)
    for _ in range(3):
        assert (await person.get("/checks")).status_code == 200
    assert len(services.called("auth GET /internal/me")) == 1
