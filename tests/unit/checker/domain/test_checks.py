"""The state of a file's checks after its events."""

from uuid import UUID

from services.checker.domain.checks import CHECKS, MakeEvent, record
from services.checker.domain.history import History
from shared.contracts.checker import CheckFailed, FileChecked, FixedFinding
from shared.eventsourcing.testing import given
from tests.support.events import FINDING, check_failed, checked

ID = UUID("c0a8a3c6-3f0e-4b57-8a54-5a3a0c2a9b02")
FIXED = FixedFinding(
    code="F401",
    name="unused-import",
    tier="warning",
    message="`os` imported but unused",
    fingerprint=FINDING.fingerprint,
)


def _concluding(result: FileChecked | CheckFailed) -> MakeEvent:
    return lambda _: result


def test_a_version_gets_its_result() -> None:
    result = checked(ID)
    given(CHECKS).when(lambda state: record(state, 1, _concluding(result))).then(result)


def test_a_version_has_one_result_whoever_checks_it_again() -> None:
    again = checked(ID)
    for first in (checked(ID), check_failed(ID)):
        given(CHECKS, first).when(lambda state: record(state, 1, _concluding(again))).then()


def test_the_next_version_gets_its_own() -> None:
    second = checked(ID, 2)
    given(CHECKS, checked(ID)).when(lambda state: record(state, 2, _concluding(second))).then(
        second
    )


def test_an_older_version_that_was_left_out_may_still_be_checked() -> None:
    older = check_failed(ID, 1)
    given(CHECKS, checked(ID, 2)).when(lambda state: record(state, 1, _concluding(older))).then(
        older
    )


def test_the_next_event_is_made_with_the_findings_before() -> None:
    seen: list[History] = []
    third = checked(ID, 3)

    def check_event(history: History) -> FileChecked:
        seen.append(history)
        return third

    history = [checked(ID, 1), check_failed(ID, 2)]
    given(CHECKS, *history).when(lambda state: record(state, 3, check_event)).then(third)
    assert seen[0].open == {FINDING.fingerprint: FIXED}
    assert set(seen[0].seen) == {FINDING.fingerprint}


def test_a_fixed_finding_is_not_open_but_in_ever() -> None:
    fixed = checked(ID, 2).model_copy(update={"findings": [], "fixed": [FIXED]})
    state = CHECKS.state([checked(ID, 1), fixed])
    assert state.history == History({}, {FINDING.fingerprint: None})


def test_a_finding_that_a_check_could_not_see_stays_open() -> None:
    broken = checked(ID, 2).model_copy(update={"findings": [], "outcome": "syntax_error"})
    assert CHECKS.state([checked(ID, 1), broken]).history.open == {FINDING.fingerprint: FIXED}


def _full(version: int, like: int | None = None) -> FileChecked:
    """500 findings of its own, or those of an earlier version."""
    findings = [
        FINDING.model_copy(update={"fingerprint": f"{like or version}-{number}"})
        for number in range(500)
    ]
    return checked(ID, version).model_copy(update={"findings": findings})


def test_the_history_of_a_file_is_bounded() -> None:
    history = CHECKS.state(_full(version) for version in range(1, 6)).history
    assert len(history.open) == 1000
    assert "5-0" in history.open
    assert "1-0" not in history.open


def test_the_next_version_is_not_compared_with_a_late_one() -> None:
    state = CHECKS.state([_full(2), _full(1)])
    assert state.versions == {1, 2}
    assert state.history == CHECKS.state([_full(2)]).history


def test_the_latest_fingerprints_are_remembered() -> None:
    checks = [*map(_full, range(1, 11)), _full(11, like=1), _full(12)]
    history = CHECKS.state(checks).history
    assert len(history.seen) == 5000
    assert {"12-0", "1-0", "3-0"} <= history.seen.keys()
    assert "2-0" not in history.seen
