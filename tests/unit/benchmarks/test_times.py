import pytest

from benchmarks.times import percentile


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (100, 100)])
def test_so_many_percent_are_not_greater(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_the_99th_of_few_is_the_worst() -> None:
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0


def test_half_of_an_even_number_is_the_lower_one() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.0
