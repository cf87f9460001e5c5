"""Deciders, and the language tests speak about them."""

import pytest

from shared.errors import Conflict, NotFound
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event
from shared.eventsourcing.testing import given


class Counted(Event):
    by: int


class Rested(Event):
    pass


SUM = Decider(0, lambda total, event: total + event.by if isinstance(event, Counted) else total)


def _count(total: int) -> list[Event]:
    if total > 2:
        raise Conflict
    return [Counted(by=total + 1)]


def test_events_add_up_to_a_state() -> None:
    assert SUM.state([]) == 0
    assert SUM.state([Counted(by=1), Rested(), Counted(by=2)]) == 3


def test_a_story_that_comes_true() -> None:
    given(SUM, Counted(by=1)).when(_count).then(Counted(by=2))
    given(SUM, Counted(by=3)).when(_count).refused(Conflict)


def test_a_story_that_does_not_come_true_fails_its_test() -> None:
    with pytest.raises(AssertionError, match="expected"):
        given(SUM).when(_count).then(Counted(by=9))
    with pytest.raises(AssertionError, match="expected"):
        given(SUM).when(_count).then()
    with pytest.raises(AssertionError, match="refused"):
        given(SUM, Counted(by=3)).when(_count).then()
    with pytest.raises(AssertionError, match="expected NotFound"):
        given(SUM, Counted(by=3)).when(_count).refused(NotFound)
    with pytest.raises(AssertionError, match="expected Conflict"):
        given(SUM).when(_count).refused(Conflict)
