"""Identifiers."""

from uuid import UUID, uuid4, uuid5

_NAMESPACE = UUID("8d0c7a52-6f3e-4f0a-9a5e-1c2b7f9d4e11")


def new_id() -> UUID:
    return uuid4()


def derived_id(*parts: object) -> UUID:
    """The same id for the same parts, so that an action done twice is one action."""
    return uuid5(_NAMESPACE, "/".join(str(part) for part in parts))
