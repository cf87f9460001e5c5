"""Which users are heavy, and when that is forgotten."""

from uuid import uuid4

from services.checker.scheduling.cpu_usage import HALF_LIFE, HEAVY_SECONDS, CpuUsage
from tests.support.events import ANN, BOB


def test_a_user_is_heavy_until_the_usage_has_decayed() -> None:
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


def test_decayed_usage_is_removed() -> None:
    """Whichever of the two methods is called."""
    now = 0.0
    usage = CpuUsage(lambda: now)
    for _ in range(100):
        usage.add(uuid4(), HEAVY_SECONDS + 1)
    now = 20 * HALF_LIFE
    usage.add(ANN, 0.0)
    assert usage.heavy_users() == []
    assert not usage._used
