"""Who is told to have recovered too slowly."""

from tests.faults.recovery import BROKER_LIMIT, LIMIT, Recovery, too_slow, too_slow_alone


def _after(
    at: float, limit: float = LIMIT, upload: float | None = 0.1, whole_way: float | None = 1.0
) -> Recovery:
    return Recovery("something", at, limit, upload, whole_way)


def test_in_time() -> None:
    assert too_slow([_after(100), _after(200, BROKER_LIMIT, whole_way=34)]) == []


def test_too_late_and_never() -> None:
    assert "took 5.1 s" in too_slow([_after(100, upload=5.1)])[0]
    assert "took 6.0 s" in too_slow([_after(100, whole_way=6)])[0]
    assert "never" in too_slow([_after(100, whole_way=None)])[0]


def test_a_later_fault_begins_the_time_anew() -> None:
    assert too_slow([_after(100, whole_way=8), _after(104)]) == []
    assert too_slow([_after(100, whole_way=10), _after(104)]) != []


def test_an_earlier_fault_of_the_broker_keeps_a_later_one_waiting() -> None:
    broker = _after(100, BROKER_LIMIT, whole_way=30)
    assert too_slow([broker, _after(105, whole_way=25)]) == []
    assert too_slow([broker, _after(105, whole_way=31)]) != []


def test_a_broker_that_is_back_is_no_excuse() -> None:
    broker = _after(100, BROKER_LIMIT, whole_way=10)
    assert too_slow([broker, _after(105, whole_way=9.5)]) == []
    assert too_slow([broker, _after(105, whole_way=11)]) != []
    assert too_slow([_after(100, BROKER_LIMIT, whole_way=36)]) != []


def test_alone_nothing_excuses() -> None:
    assert too_slow_alone([_after(100, whole_way=4), _after(104, whole_way=4.9)]) == []
    late = [_after(100, whole_way=8), _after(104)]
    assert too_slow(late) == []
    assert too_slow_alone(late) != []


def test_patience() -> None:
    assert too_slow([_after(100, whole_way=9)], patience=2.0) == []
    assert too_slow([_after(100, whole_way=11)], patience=2.0) != []


def test_an_upload_waits_for_no_broker_and_for_no_mail_server() -> None:
    assert "took 6.0 s, not at most 5 s" in too_slow([_after(100, BROKER_LIMIT, upload=6)])[0]
    assert too_slow([_after(100, BROKER_LIMIT, upload=4, whole_way=34)]) == []
