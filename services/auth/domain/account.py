"""An account: stream `user-<id>`. E-mail address and password are in a table, never in events."""

from dataclasses import dataclass, replace
from uuid import UUID

from shared.contracts.auth import (
    AccountMailKind,
    AccountMailRequested,
    EmailChanged,
    EmailConfirmed,
    Language,
    LanguageChanged,
    UserErased,
    UserRegistered,
)
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event

EVENTS = (
    UserRegistered,
    EmailConfirmed,
    EmailChanged,
    LanguageChanged,
    AccountMailRequested,
    UserErased,
)


@dataclass(frozen=True)
class Account:
    """The state of an account."""

    active: bool = False
    erased: bool = False
    confirmed: bool = False
    language: Language = "en"


def evolve(state: Account, event: Event) -> Account:
    match event:
        case UserRegistered():
            return replace(state, active=True, language=event.language)
        case EmailConfirmed():
            return replace(state, confirmed=True)
        case LanguageChanged():
            return replace(state, language=event.language)
        case UserErased():
            return replace(state, active=False, erased=True)
        case _:
            return state


ACCOUNT = Decider(Account(), evolve)


def stream(user_id: UUID) -> str:
    return f"user-{user_id}"


def register(
    state: Account, user_id: UUID, language: Language, request_id: UUID | None
) -> list[Event]:
    """Begin an account; `request_id` is that of the mail to confirm its address, if any."""
    if state.active or state.erased:
        return []
    registered = UserRegistered(user_id=user_id, language=language)
    if request_id is None:
        return [registered]
    mail = AccountMailRequested(user_id=user_id, request_id=request_id, kind="confirm_email")
    return [registered, mail]


def request_mail(
    state: Account, user_id: UUID, request_id: UUID, kind: AccountMailKind
) -> list[Event]:
    if not state.active:
        return []
    return [AccountMailRequested(user_id=user_id, request_id=request_id, kind=kind)]


def confirm_email(state: Account, user_id: UUID) -> list[Event]:
    if not state.active or state.confirmed:
        return []
    return [EmailConfirmed(user_id=user_id)]


def change_email(state: Account, user_id: UUID) -> list[Event]:
    """The new address is confirmed, so the account has a confirmed address from now on."""
    if not state.active:
        return []
    return [EmailChanged(user_id=user_id), *confirm_email(state, user_id)]


def change_language(state: Account, user_id: UUID, language: Language) -> list[Event]:
    if not state.active or state.language == language:
        return []
    return [LanguageChanged(user_id=user_id, language=language)]


def erase(state: Account, user_id: UUID) -> list[Event]:
    return [UserErased(user_id=user_id)] if state.active else []
