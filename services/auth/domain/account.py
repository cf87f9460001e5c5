"""An account: stream `user-<id>`. Address and password stand in a table, never in events."""

from dataclasses import dataclass
from uuid import UUID

from shared.contracts.auth import Language, UserRegistered
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event

EVENTS = (UserRegistered,)


@dataclass(frozen=True)
class Account:
    """What has happened to the account so far."""

    registered: bool = False


def evolve(state: Account, event: Event) -> Account:
    match event:
        case UserRegistered():
            return Account(registered=True)
        case _:
            return state


ACCOUNT = Decider(Account(), evolve)


def stream(user_id: UUID) -> str:
    return f"user-{user_id}"


def register(state: Account, user_id: UUID, language: Language) -> list[Event]:
    return [] if state.registered else [UserRegistered(user_id=user_id, language=language)]
