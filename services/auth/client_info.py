"""Where a request comes from, as the gateway tells it, and what is made of that."""

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


class Place(NamedTuple):
    """A device in a few words and an address, as the person will see them; empty = unknown."""

    device: str = ""
    address: str = ""


@dataclass(frozen=True)
class ClientInfo:
    """The client of a request; `cookie` is a browser's long-lived one, empty for programs."""

    address: str = ""
    user_agent: str = ""
    cookie: str = ""

    @classmethod
    def of(cls, client: Client) -> Self:
        """What the gateway says of its client."""
        return cls(client.address, client.user_agent, client.device)

    @property
    def place(self) -> Place:
        address = "".join(char for char in self.address if char.isprintable())
        return Place(device_words(self.user_agent), address)

    @property
    def networks(self) -> tuple[str, ...]:
        """What throttles count by, the narrowest first: one customer may have an IPv6 /48."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return (self.address,)
        if isinstance(address, IPv6Address):
            address = _embedded(address) or address
        if isinstance(address, IPv4Address):
            return (str(address),)
        number = int(address)  # without its scope, which says nothing here
        return tuple(IPv6Network((number, bits), strict=False).exploded for bits in _PREFIXES)

    @property
    def widest(self) -> str:
        """The largest of the networks, whose callers share what is scarce."""
        return self.networks[-1]

    @property
    def device_hash(self) -> bytes:
        """A browser is known by its cookie, a program by its name and its network."""
        network = self.networks[0][:19]  # of an IPv6 address its /64, in the words of old hashes
        program = f"program\n{self.user_agent}\n{network}"
        known_by = f"browser\n{self.cookie}" if self.cookie else program
        return hashlib.sha256(known_by.encode("utf-8", "replace")).digest()


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address of whoever comes by way of NAT64, 6to4 or Teredo."""
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or (address.teredo[1] if address.teredo else None)


def device_words(user_agent: str) -> str:
    """A few words such as “Firefox on Linux”; for a program its name; else empty."""
    browser = _first(_BROWSERS, user_agent)
    if browser:
        return " on ".join(filter(None, (browser, _first(_SYSTEMS, user_agent))))
    program = _PROGRAM.match(user_agent)
    return program.group() if program else ""


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for mark, name in names.items() if mark in user_agent), "")
