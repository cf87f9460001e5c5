"""Parses e-mail addresses that are allowed in a header and on an SMTP command line."""

import re
from email.headerregistry import Address
from functools import lru_cache

# A dot-atom (RFC 5322 3.2.3): quoted local parts and address literals are refused on purpose.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NAMED = re.compile(r'"?(?P<name>[^"<>\\]*?)"? *<(?P<address>[^<>]*)>')


class BadAddress(ValueError):
    """This is not one address that a mail can be sent to."""


def parse_address(text: str) -> Address:
    """Read exactly one bare address, in ASCII. Nothing is converted here: auth does that.

    Raises:
        BadAddress: anything else. The message never repeats the address.
    """
    local_part, _, domain = text.rpartition("@")
    if not domain.isascii():
        raise BadAddress("the domain of the e-mail address must be in ASCII, in its xn-- form")
    if not _LOCAL_PART.fullmatch(local_part) or not _DOMAIN.fullmatch(domain):
        raise BadAddress("not one plain e-mail address")
    # RFC 5321 4.5.3.1: 64 octets of local part; 254 is what fits a path of 256.
    if len(local_part) > 64 or len(local_part) + len(domain) > 253:  # noqa: PLR2004
        raise BadAddress("the e-mail address is too long")
    return Address(username=local_part, domain=domain)


@lru_cache(16)  # senders, which are settings
def parse_mailbox(text: str) -> Address:
    """Read `a@example.org` or `Some Name <a@example.org>`.

    Raises:
        BadAddress: anything else.
    """
    named = _NAMED.fullmatch(text)
    address = parse_address(named["address"] if named else text)
    name = named["name"] if named else ""
    if not name.isprintable() or "=?" in name:
        raise BadAddress("the name before the e-mail address has characters that are not allowed")
    return Address(display_name=name, username=address.username, domain=address.domain)
