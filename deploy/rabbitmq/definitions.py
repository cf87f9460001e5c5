"""The broker's users and what each may do, as the file `load_definitions` reads."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from secrets import token_bytes
from typing import Any

from shared.messaging.topology import DEAD, EVENTS, PUBLIC, dead_queue

VHOST = "prereview"
ADMINISTRATOR = "prereview_admin"
SERVICES = ("auth", "files", "checker", "notifier", "reports")
USERS = (ADMINISTRATOR, *(f"prereview_{service}" for service in SERVICES))


def definitions(
    passwords: Mapping[str, str], *, salt: Callable[[int], bytes] = token_bytes
) -> dict[str, Any]:
    """One virtual host; an administrator; per service a user limited to its own queues and events.

    `passwords` has one for each of `USERS`. A service may declare, read and write its own queue
    and that of its dead letters, publish events of its own and bind its queue to any event.
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
    yield {"user": ADMINISTRATOR, "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"}
    for service in SERVICES:
        own = rf"{service}(\.dead)?"
        used = rf"^({own}|events|events\.dead|events\.public)$"
        yield {
            "user": f"prereview_{service}",
            "vhost": VHOST,
            "configure": f"^{own}$",
            "write": used,
            "read": used,
        }


def _topic_permissions(service: str) -> Iterator[dict[str, str]]:
    """Routing keys it may publish with (`write`) and bind its queues with (`read`)."""
    dead = "^" + dead_queue(service).replace(".", r"\.") + "$"
    own = rf"^{service}\..*"
    for exchange, write, read in ((EVENTS, own, ".*"), (PUBLIC, own, "^$"), (DEAD, dead, dead)):
        yield {
            "user": f"prereview_{service}",
            "vhost": VHOST,
            "exchange": exchange,
            "write": write,
            "read": read,
        }
