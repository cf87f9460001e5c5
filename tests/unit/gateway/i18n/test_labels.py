"""The code words of auth all have words of ours."""

from typing import get_args

from services.auth.adapters.zxcvbn_meter import SUGGESTIONS, WARNINGS
from services.gateway.i18n.labels import SCOPES, SECURITY
from services.gateway.i18n.password_advice import ADVICE
from shared.contracts.auth import Scope
from shared.contracts.http.auth import SecurityEventKind


def test_every_advice_on_passwords_is_known() -> None:
    assert set(ADVICE) == {*WARNINGS.values(), *SUGGESTIONS.values()}


def test_every_kind_of_entry_in_the_security_log_is_known() -> None:
    assert set(SECURITY) == set(get_args(SecurityEventKind))


def test_every_scope_is_explained() -> None:
    assert set(SCOPES) == set(get_args(Scope))
