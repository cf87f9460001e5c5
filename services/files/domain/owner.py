"""The owner of files: stream `owner-<user id>`."""

from uuid import UUID

from shared.eventsourcing.event import Event


class OwnerErased(Event):
    """The user's account and all their files are erased. Not published."""

    user_id: UUID


def stream(user_id: UUID) -> str:
    return f"owner-{user_id}"
