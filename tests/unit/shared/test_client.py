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
        assert await client.call("GET", "/internal/contents") == ["content"]
        await client.close()
        assert files.asked == ["GET /internal/contents HTTP/1.1"]
        assert proxy.asked == []
