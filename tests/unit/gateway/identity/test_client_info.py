"""The client that the gateway reports to auth, and which proxies it trusts."""

import json
from ipaddress import ip_network
from typing import Any

import httpx2
import pytest

from services.gateway.identity.client_info import client_address
from services.gateway.settings import Settings
from tests.support.keys import Keys
from tests.unit.gateway.conftest import Browsers
from tests.unit.gateway.fake_services import Services, answer

LOGIN = {"email": "ann@example.org", "password": "secret"}
PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # no proxy: anybody may say this
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1, rubbish"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, "], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4," * 1000 + "198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("2001:db8::1", ["2001:DB9::0001"], "2001:db9::1"),
        ("", ["198.51.100.1"], ""),
        ("testclient", ["198.51.100.1"], ""),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours(
    peer: str, forwarded: list[str], address: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def test_networks_that_cant_be_read_keep_it_from_starting(keys: Keys) -> None:
    values: dict[str, Any] = {
        "signing_key": keys.private["gateway"],
        "jwks_file": keys.jwks_file,
    }
    assert Settings(**values, trusted_proxies=" 10.0.0.0/8, ::1 ").proxy_networks
    with pytest.raises(ValueError, match="must be networks such as"):
        Settings(**values, trusted_proxies="10.0.0.0/8, proxy.local")


def last_client(services: Services, call: str = "auth POST /internal/sessions") -> dict[str, str]:
    """The client in the last call to auth."""
    client: dict[str, str] = json.loads(services.called(call)[-1].content)["client"]
    return client


async def test_another_forwarded_address_per_try_changes_nothing(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    for n in range(3):
        await browser.post("/login", data=LOGIN, headers={"X-Forwarded-For": f"198.51.100.{n}"})
        assert last_client(services)["address"] == "127.0.0.1"


async def test_a_trusted_proxy_is_believed(browsers: Browsers, services: Services) -> None:
    async with browsers(trusted_proxies="127.0.0.0/8") as http:
        await http.post("/login", data=LOGIN, headers={"X-Forwarded-For": "198.51.100.1"})
        assert last_client(services)["address"] == "198.51.100.1"


async def test_a_browser_is_known_again_by_its_cookie(
    browser: httpx2.AsyncClient, services: Services
) -> None:
    services.on("auth POST /internal/users", answer(202, {}))
    await browser.post("/register", data=LOGIN)
    device = last_client(services, "auth POST /internal/users")["device"]
    assert len(device) == 32
    response = await browser.post("/login", data=LOGIN)
    assert last_client(services)["device"] == device
    kept = next(
        line for line in response.headers.get_list("set-cookie") if line.startswith("device=")
    )
    assert f"device={device}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax" in kept


@pytest.mark.parametrize("made_up", ["x", "a" * 33, "é" * 32, "a" * 300, "../" * 10 + "ab"])
async def test_a_made_up_device_is_replaced(
    browser: httpx2.AsyncClient, services: Services, made_up: str
) -> None:
    headers = [(b"Cookie", f"device={made_up}".encode())]
    await browser.post("/login", data=LOGIN, headers=headers)
    assert last_client(services)["device"] != made_up
    assert len(last_client(services)["device"]) == 32


async def test_programs_have_no_device_and_long_names_are_cut(
    program: httpx2.AsyncClient, services: Services
) -> None:
    await program.post("/api/v1/sessions", json=LOGIN, headers={"User-Agent": "x" * 1000})
    assert last_client(services) == {"address": "127.0.0.1", "user_agent": "x" * 500}
