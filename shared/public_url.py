"""The public URL of the gateway, normalised as browsers and mails need it."""

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

import idna

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
_EXAMPLE = "https://prereview.example.org"


def read_public_url(written: str) -> str:
    """`scheme://host[:port]`, the host in ASCII (IDNA 2008) and the port where it is no usual one.

    Raises `ValueError` with a sentence for a URL that has more than that, or less.
    """
    parts = _split(written.strip())
    if parts.scheme not in _PORTS:
        raise ValueError(f"must begin with http:// or https://, such as {_EXAMPLE}.")
    if "@" in parts.netloc:
        raise ValueError(f"must name no user and no password, such as {_EXAMPLE}.")
    if parts.path.strip("/") or parts.query or parts.fragment or set("?#") & set(written):
        raise ValueError(f"must end with the host or its port, such as {_EXAMPLE}.")
    host, port = _host(parts), _port(parts)
    return f"{parts.scheme}://{host}" if port is None else f"{parts.scheme}://{host}:{port}"


def _split(written: str) -> SplitResult:
    try:
        return urlsplit(written)
    except ValueError:
        raise ValueError(f"can't be read as an address, such as {_EXAMPLE}.") from None


def _host(parts: SplitResult) -> str:
    given = parts.hostname or ""
    try:
        if "[" in parts.netloc and "%" not in given:
            return f"[{IPv6Address(given)}]"
        host = given if given.isascii() else idna.encode(given, uts46=True).decode()
    except ValueError:  # also what idna raises
        host = ""
    if not _NAME.fullmatch(host):
        raise ValueError(f"has a host that can't be read, unlike {_EXAMPLE}.")
    return host


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"has a port that is none, unlike {_EXAMPLE}.") from None
    return None if port == _PORTS[parts.scheme] else port
