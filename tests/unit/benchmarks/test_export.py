import pytest

from benchmarks.export import Archive, Found, told


@pytest.mark.parametrize(("seconds", "reached"), [(5.0, True), (5.1, False)])
def test_entries_a_second_have_a_goal(seconds: float, reached: bool) -> None:
    rate, *_ = told(Found(Archive(10_000, 6.0, seconds), 0.1, 0.01, [0.02]))
    assert rate.ours == 10_000 / seconds
    assert rate.reached is reached


def test_what_is_compared_has_a_ratio() -> None:
    _, bulk, archive, others = told(Found(Archive(10_000, 6.0, 5.0), 0.1, 0.01, [0.02, 0.09, 0.03]))
    assert bulk.ratio == pytest.approx(0.02)
    assert archive.ratio is None
    assert others.ratio == pytest.approx(3)
