"""The person behind files: stream `owner-<user id>`."""

from uuid import UUID

from shared.eventsourcing.event import Event


class OwnerErased(Event):
    """The person's account is gone, and all their files with it. Stays in this service."""

    user_id: UUID


def stream(user_id: UUID) -> str:
    return f"owner-{user_id}"
