"""Proofs that the account of a link belongs to whoever has opened the link."""

import hmac
from collections.abc import Callable

from services.auth.domain.secret_tokens import digest
from services.auth.tables.links import Link
from services.auth.tables.users import Credentials, Person
from shared.web.identity import User

Proof = Callable[[Link, Person], bool]


def registered_with(cookie: str) -> Proof:
    """The browser is the one that has registered the account; confirms only its first address."""

    def check(link: Link, person: Person) -> bool:
        stored = person.registration_hash
        is_same = stored is not None and hmac.compare_digest(stored, digest(cookie))
        return is_same and link.kind == "confirm_email"

    return check


def knows_password(credentials: Credentials) -> Proof:
    def check(_: Link, person: Person) -> bool:
        own = (person.user_id, person.password_version)
        return own == (credentials.user_id, credentials.password_version)

    return check


def is_logged_in(user: User) -> Proof:
    def check(_: Link, person: Person) -> bool:
        return person.user_id == user.user_id

    return check
