"""Where a request comes from, as the gateway tells it, and what is made of that."""

import hashlib
import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

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
class Visitor:
    """The client of a request; `cookie` is a browser's long-lived one, empty for programs."""

    address: str = ""
    user_agent: str = ""
    cookie: str = ""

    @property
    def place(self) -> Place:
        address = "".join(char for char in self.address if char.isprintable())
        return Place(device_words(self.user_agent), address)

    @property
    def network(self) -> str:
        """What throttles count by: an IPv6 customer has a whole /64."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return self.address
        if not isinstance(address, IPv6Address):
            return str(address)
        return str(address.ipv4_mapped or address.exploded[:19])

    @property
    def device_hash(self) -> bytes:
        """A browser is known by its cookie, a program by its name and its network."""
        program = f"program\n{self.user_agent}\n{self.network}"
        known_by = f"browser\n{self.cookie}" if self.cookie else program
        return hashlib.sha256(known_by.encode("utf-8", "replace")).digest()


def device_words(user_agent: str) -> str:
    """A few words such as “Firefox on Linux”; for a program its name; else empty."""
    browser = _first(_BROWSERS, user_agent)
    if browser:
        return " on ".join(filter(None, (browser, _first(_SYSTEMS, user_agent))))
    program = _PROGRAM.match(user_agent)
    return program.group() if program else ""


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for mark, name in names.items() if mark in user_agent), "")
