"""The life of an account, as its events tell it."""

from functools import partial

from services.auth.domain.account import ACCOUNT, register
from shared.contracts.auth import UserRegistered
from shared.eventsourcing.testing import given
from tests.support.events import ANN

REGISTERED = UserRegistered(user_id=ANN, language="ru")


def test_a_person_registers() -> None:
    command = partial(register, user_id=ANN, language="ru")
    given(ACCOUNT).when(command).then(REGISTERED)


def test_registering_again_changes_nothing() -> None:
    command = partial(register, user_id=ANN, language="en")
    given(ACCOUNT, REGISTERED).when(command).then()


def test_the_event_knows_neither_address_nor_password() -> None:
    assert set(UserRegistered.model_fields) == {"user_id", "language"}
