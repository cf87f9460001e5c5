"""Where a request comes from: network address, program, and the device it was seen on before."""

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
    """Tells who calls, for throttles, lists of sessions and the security log."""

    def __init__(self, settings: Settings, cookies: Cookies) -> None:
        self._proxies, self._cookies = settings.proxy_networks, cookies

    def program(self, request: Request) -> Client:
        peer = request.client.host if request.client else ""
        address = client_address(peer, request.headers.getlist("x-forwarded-for"), self._proxies)
        agent = request.headers.get("user-agent", "")[:_MAX_AGENT]
        return Client(address=address, user_agent=agent)

    def browser(self, request: Request) -> Client:
        """The same with the device, marked by a cookie of a year from now on."""
        device = self._cookies.read(request, "device")
        if not _DEVICE.fullmatch(device):
            device = secrets.token_urlsafe(24)
        self._cookies.write(request, "device", device, DEVICE_SECONDS)
        return self.program(request).model_copy(update={"device": device})


def client_address(peer: str, forwarded: Iterable[str], proxies: Networks) -> str:
    """The nearest address that is no proxy of ours; the peer's when it is none.

    `X-Forwarded-For` is read from its end, and only as far as proxies we trust have written it:
    what stands before that may be anybody's invention.
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
    return address.ipv4_mapped or IPv6Address(int(address))  # a zone (`%eth0`) names a link of ours
