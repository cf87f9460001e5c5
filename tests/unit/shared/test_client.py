"""Calls between services."""

import pytest

from shared.web.client import ServiceClient
from tests.support.keys import Keys
from tests.unit.shared.listener import listening

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


async def test_a_proxy_for_the_outside_is_none_between_services(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with listening(b'["content"]') as files, listening(b'["stolen"]') as proxy:
        for name in PROXIES:
            monkeypatch.setenv(name, proxy.url)
        client = ServiceClient("files", files.url, keys.identity("checker"))
        assert (await client.as_service("GET", "/internal/contents")).json() == ["content"]
        await client.close()
        assert files.asked == ["GET /internal/contents HTTP/1.1"]
        assert proxy.asked == []


async def test_calls_one_after_the_other_share_a_connection(keys: Keys) -> None:
    async with listening(keeps=True) as auth:
        client = ServiceClient("auth", auth.url, keys.identity("notifier"))
        for _ in range(5):
            await client.as_service("GET", "/internal/contacts")
        await client.close()
    assert len(auth.asked) == 5
    assert auth.connections == 1
