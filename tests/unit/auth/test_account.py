"""The life of an account, as its events tell it."""

from functools import partial
from uuid import UUID

import pytest

from services.auth.domain.account import (
    ACCOUNT,
    EVENTS,
    change_email,
    change_language,
    confirm_email,
    erase,
    register,
    request_mail,
)
from shared.contracts import PUBLISHED
from shared.contracts.auth import (
    AccountMailRequested,
    EmailChanged,
    EmailConfirmed,
    LanguageChanged,
    UserErased,
    UserRegistered,
)
from shared.eventsourcing.testing import given
from tests.support.events import ANN

WISH = UUID("aa86e7bf-3a46-4dd8-8b9e-3c2a4a3a0c77")
REGISTERED = UserRegistered(user_id=ANN, language="ru")
WELCOMED = AccountMailRequested(user_id=ANN, request_id=WISH, kind="confirm_email")
CONFIRMED = EmailConfirmed(user_id=ANN)
ERASED = UserErased(user_id=ANN)

REGISTER = partial(register, user_id=ANN, language="ru", request_id=WISH)
CONFIRM = partial(confirm_email, user_id=ANN)
CHANGE_EMAIL = partial(change_email, user_id=ANN)
SPEAK_ENGLISH = partial(change_language, user_id=ANN, language="en")
NOTIFY = partial(request_mail, user_id=ANN, request_id=WISH, kind="new_sign_in")
ERASE = partial(erase, user_id=ANN)


def test_a_person_registers_and_is_asked_to_confirm() -> None:
    given(ACCOUNT).when(REGISTER).then(REGISTERED, WELCOMED)


def test_a_person_registers_at_an_address_that_has_had_enough_mail() -> None:
    given(ACCOUNT).when(partial(REGISTER, request_id=None)).then(REGISTERED)


def test_registering_again_changes_nothing() -> None:
    given(ACCOUNT, REGISTERED, WELCOMED).when(REGISTER).then()


def test_an_address_is_confirmed_once() -> None:
    given(ACCOUNT, REGISTERED).when(CONFIRM).then(CONFIRMED)
    given(ACCOUNT, REGISTERED, CONFIRMED).when(CONFIRM).then()


def test_another_address_is_a_confirmed_one() -> None:
    changed = EmailChanged(user_id=ANN)
    given(ACCOUNT, REGISTERED).when(CHANGE_EMAIL).then(changed, CONFIRMED)
    given(ACCOUNT, REGISTERED, CONFIRMED).when(CHANGE_EMAIL).then(changed)


def test_only_another_language_is_told() -> None:
    spoken = LanguageChanged(user_id=ANN, language="en")
    given(ACCOUNT, REGISTERED).when(SPEAK_ENGLISH).then(spoken)
    given(ACCOUNT, REGISTERED, spoken).when(SPEAK_ENGLISH).then()


def test_a_mail_is_asked_for_as_often_as_needed() -> None:
    wished = AccountMailRequested(user_id=ANN, request_id=WISH, kind="new_sign_in")
    given(ACCOUNT, REGISTERED, wished).when(NOTIFY).then(wished)


def test_an_account_is_erased_once() -> None:
    given(ACCOUNT, REGISTERED, CONFIRMED).when(ERASE).then(ERASED)
    given(ACCOUNT, REGISTERED, ERASED).when(ERASE).then()


@pytest.mark.parametrize("command", [REGISTER, CONFIRM, CHANGE_EMAIL, SPEAK_ENGLISH, NOTIFY, ERASE])
def test_nothing_happens_after_the_end(command: partial[list[UserRegistered]]) -> None:
    given(ACCOUNT, REGISTERED, ERASED).when(command).then()


@pytest.mark.parametrize("command", [CONFIRM, CHANGE_EMAIL, SPEAK_ENGLISH, NOTIFY, ERASE])
def test_nothing_happens_before_the_beginning(command: partial[list[UserRegistered]]) -> None:
    given(ACCOUNT).when(command).then()


def test_every_event_of_an_account_is_published_and_none_can_name_a_person() -> None:
    assert list(EVENTS) == PUBLISHED["auth"]
    for event in EVENTS:
        assert set(event.model_fields) <= {"user_id", "language", "request_id", "kind"}
