"""What auth tells the world."""

from typing import Literal
from uuid import UUID

from shared.eventsourcing.event import Event

Language = Literal["en", "ru"]


class UserRegistered(Event):
    """A person has an account. Address and password stay in auth."""

    user_id: UUID
    language: Language
