"""The gateway talks to the services itself, whatever its environment says about the outside."""

import pytest

from services.gateway.main import create_app
from services.gateway.settings import Settings
from tests.support.apps import client_of
from tests.support.keys import Keys
from tests.unit.shared.listener import listening

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


async def test_a_password_goes_to_auth_and_to_no_proxy(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with listening() as auth, listening() as proxy:
        for name in PROXIES:
            monkeypatch.setenv(name, proxy.url)
        settings = Settings(
            signing_key=keys.private["gateway"], jwks_file=keys.jwks_file, auth_url=auth.url
        )
        app = create_app(settings)
        async with (
            app.router.lifespan_context(app),
            client_of(app, headers={"Host": "localhost:8000"}) as client,
        ):
            login = {"email": "ann@example.org", "password": "secret"}
            await client.post("/api/v1/sessions", json=login)
        assert auth.asked == ["POST /internal/sessions HTTP/1.1"]
        assert proxy.asked == []
