from uuid import uuid4

import pytest

from benchmarks.appending import Way, append
from benchmarks.figures import at_least


def test_the_middle_of_all_turns_is_told() -> None:
    way = Way("uploads", append, uuid4(), at_least(400))
    way.rates.extend([500, 390, 410])
    way.held.extend([0.001, 0.009, 0.002])
    rate, held = way.figures()
    assert (rate.name, rate.ours, rate.reached) == ("uploads, 32 writers", 410, True)
    assert held.ours == pytest.approx(2)
