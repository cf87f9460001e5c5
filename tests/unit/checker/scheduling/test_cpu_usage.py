"""Which users are heavy, and when that is forgotten."""

from uuid import uuid4

from services.checker.scheduling.cpu_usage import HALF_LIFE, HEAVY_SECONDS, CpuUsage
from tests.support.events import ANN, BOB


def test_who_spends_much_is_heavy_until_it_is_forgotten() -> None:
    now = 0.0
    usage = CpuUsage(lambda: now)
    usage.add(BOB, 1.0)
    for _ in range(3):
        usage.add(ANN, HEAVY_SECONDS / 2)
    assert usage.users() == [BOB, ANN]
    assert usage.heavy_users() == [ANN]
    now = HALF_LIFE
    assert usage.heavy_users() == []
    assert usage.users() == [BOB, ANN]
    now = 20 * HALF_LIFE
    assert usage.users() == []


def test_nobody_is_remembered_for_ever() -> None:
    """Whichever of the two is asked."""
    now = 0.0
    usage = CpuUsage(lambda: now)
    for _ in range(100):
        usage.add(uuid4(), HEAVY_SECONDS + 1)
    now = 20 * HALF_LIFE
    usage.add(ANN, 0.0)
    assert usage.heavy_users() == []
    assert not usage._used
