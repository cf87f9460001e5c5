"""The client of a request, as the gateway reports it: its networks and its device."""

import hashlib
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple, Self

from shared.contracts.http.auth import Client

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
# Bits of the IPv6 networks that providers give to one customer (RFC 6177, RIPE-690).
_PREFIXES = (64, 56, 48)
_PROGRAM = re.compile(r"[A-Za-z][\w.-]{0,39}", re.ASCII)
# The first that fits: browsers name those they descend from, so the rarer come first.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "YaBrowser/": "Yandex Browser",
    "SamsungBrowser/": "Samsung Internet",
    "Vivaldi/": "Vivaldi",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "Chrome/": "Chrome",
    "CriOS/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "Windows": "Windows",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Mac OS X": "macOS",
    "Macintosh": "macOS",
    "Linux": "Linux",
}


class ClientSummary(NamedTuple):
    """What people see of a client: device and IP address; empty where unknown."""

    device: str = ""
    address: str = ""


@dataclass(frozen=True)
class ClientInfo:
    """The client of a request. `cookie` is the long-lived one of a browser; programs have none."""

    address: str = ""
    user_agent: str = ""
    cookie: str = ""

    @classmethod
    def of(cls, client: Client) -> Self:
        """The client that the gateway has reported."""
        return cls(client.address, client.user_agent, client.device)

    @property
    def summary(self) -> ClientSummary:
        address = "".join(char for char in self.address if char.isprintable())
        return ClientSummary(describe_device(self.user_agent), address)

    @property
    def networks(self) -> tuple[str, ...]:
        """Attempts are counted for each, the narrowest first: one customer may have an IPv6 /48."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return (self.address,)
        if isinstance(address, IPv6Address):
            address = _embedded_ipv4(address) or address
        if isinstance(address, IPv4Address):
            return (str(address),)
        number = int(address)  # without its scope, which says nothing here
        return tuple(IPv6Network((number, bits), strict=False).exploded for bits in _PREFIXES)

    @property
    def widest_network(self) -> str:
        """The largest of the networks; its clients share what is scarce."""
        return self.networks[-1]

    @property
    def device_hash(self) -> bytes:
        """A browser is identified by its cookie, a program by its name and its network."""
        network = self.networks[0][:19]  # of an IPv6 address its /64, spelled as in old hashes
        program = f"program\n{self.user_agent}\n{network}"
        identity = f"browser\n{self.cookie}" if self.cookie else program
        return hashlib.sha256(identity.encode("utf-8", "replace")).digest()


def _embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address within a mapped, NAT64, 6to4 or Teredo address."""
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or (address.teredo[1] if address.teredo else None)


def describe_device(user_agent: str) -> str:
    """Such as “Firefox on Linux”; a program's name; empty for others."""
    browser = _first_match(_BROWSERS, user_agent)
    if browser:
        return " on ".join(filter(None, (browser, _first_match(_SYSTEMS, user_agent))))
    program = _PROGRAM.match(user_agent)
    return program.group() if program else ""


def _first_match(names: dict[str, str], user_agent: str) -> str:
    return next((name for mark, name in names.items() if mark in user_agent), "")
