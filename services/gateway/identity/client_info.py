"""The client of a request: IP address, user agent, device."""

import re
import secrets
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from fastapi import Request

from services.gateway.identity.cookies import Cookies
from services.gateway.settings import Settings
from shared.contracts.http.auth import Client

DEVICE_SECONDS = 365 * 86_400
_DEVICE = re.compile(r"[A-Za-z0-9_-]{32}")
_MAX_AGENT = 500  # characters, as auth takes them
_MAX_HOPS = 20

Networks = Sequence[IPv4Network | IPv6Network]
Address = IPv4Address | IPv6Address


class ClientInfoReader:
    """Reads the client of a request, for throttles, lists of sessions and the security log."""

    def __init__(self, settings: Settings, cookies: Cookies) -> None:
        self._proxies, self._cookies = settings.proxy_networks, cookies

    def program(self, request: Request) -> Client:
        peer = request.client.host if request.client else ""
        address = client_address(peer, request.headers.getlist("x-forwarded-for"), self._proxies)
        agent = request.headers.get("user-agent", "")[:_MAX_AGENT]
        return Client(address=address, user_agent=agent)

    def browser(self, request: Request) -> Client:
        """The client with its device, identified by a cookie that lasts a year."""
        device = self._cookies.read(request, "device")
        if not _DEVICE.fullmatch(device):
            device = secrets.token_urlsafe(24)
        self._cookies.write(request, "device", device, DEVICE_SECONDS)
        return self.program(request).model_copy(update={"device": device})


def client_address(peer: str, forwarded: Iterable[str], proxies: Networks) -> str:
    """The nearest address that is not a trusted proxy.

    `X-Forwarded-For` is read from its end, and only as far as trusted proxies have written it:
    a client can send any addresses before those.
    """
    found = _address(peer)
    hops = [hop for header in forwarded for hop in header.split(",")][-_MAX_HOPS:]
    for hop in reversed(hops):
        address = _address(hop.strip())
        if found is None or address is None or not any(found in network for network in proxies):
            break
        found = address
    return str(found or "")


def _address(written: str) -> Address | None:
    try:
        address = ip_address(written)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))  # without its zone (`%eth0`)
