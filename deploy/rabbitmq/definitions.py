"""The broker's users and what each may do, as the file `load_definitions` reads."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from secrets import token_bytes
from typing import Any

from shared.contracts import CONSUMED, PUBLISHED, bindings, routing_keys
from shared.messaging.topology import DEAD, EVENTS, PROBE, PUBLIC, dead_queue

VHOST = "prereview"
ADMINISTRATOR = "prereview_admin"
SERVICES = tuple(PUBLISHED)
USERS = (ADMINISTRATOR, *(f"prereview_{service}" for service in SERVICES))


def definitions(
    passwords: Mapping[str, str], *, salt: Callable[[int], bytes] = token_bytes
) -> dict[str, Any]:
    """One virtual host; an administrator; per service a user limited to its own queues and events.

    `passwords` has one for each of `USERS`. A service that consumes may declare its own queue and
    that of its dead letters, read both, and bind them to what it consumes, each event by its name.
    One that publishes may publish the events it has, each by its name. All else is refused.
    """
    return {
        "vhosts": [{"name": VHOST}],
        "users": [_user(name, passwords[name], salt) for name in USERS],
        "permissions": list(_permissions()),
        "topic_permissions": [p for service in SERVICES for p in _topic_permissions(service)],
    }


def password_hash(password: str, salt: bytes) -> str:
    """`rabbit_password_hashing_sha256`: a salt of 4 bytes and the digest of salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _user(name: str, password: str, salt: Callable[[int], bytes]) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": password_hash(password, salt(4)),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": "administrator" if name == ADMINISTRATOR else "",
    }


def _permissions() -> Iterator[dict[str, str]]:
    """Who may declare and delete (`configure`), publish and bind (`write`), consume (`read`).

    Binding needs `write` on the queue and `read` on the exchange:
    https://www.rabbitmq.com/docs/access-control#authorisation
    """
    yield {"user": ADMINISTRATOR, "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"}
    for service in SERVICES:
        queues = (service, dead_queue(service)) if service in CONSUMED else ()
        heard = (EVENTS, DEAD) if queues else ()
        spoken = (EVENTS, PUBLIC, PROBE) if PUBLISHED[service] else ()
        yield {
            "user": f"prereview_{service}",
            "vhost": VHOST,
            "configure": _exactly(queues),
            "write": _exactly((*queues, *spoken, *((DEAD,) if queues else ()))),
            "read": _exactly((*queues, *heard)),
        }


def _topic_permissions(service: str) -> Iterator[dict[str, str]]:
    """Routing keys it may publish with (`write`) and bind its queues with (`read`)."""
    dead = (dead_queue(service),) if service in CONSUMED else ()
    spoken = routing_keys(PUBLISHED[service])
    heard = bindings(service) if service in CONSUMED else ()
    for exchange, write, read in (
        (EVENTS, spoken, heard),
        (PUBLIC, spoken, ()),
        (DEAD, dead, dead),
    ):
        yield {
            "user": f"prereview_{service}",
            "vhost": VHOST,
            "exchange": exchange,
            "write": _exactly(write),
            "read": _exactly(read),
        }


def _exactly(names: Iterable[str]) -> str:
    """A pattern that matches these names and nothing else; without names, only an empty one.

    Not `^…$`: that `$` also matches before a line break at the end.
    """
    return rf"\A({'|'.join(map(re.escape, names))})\z"
