"""How many files can be saved, and when the next."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.files.domain.token_bucket import WINDOW, TokenBucket
from tests.support.events import NOON


def _later(bucket: TokenBucket, seconds: float) -> TokenBucket:
    return TokenBucket(bucket.size, bucket.full_at, bucket.now + timedelta(seconds=seconds))


def _empty(size: int) -> TokenBucket:
    bucket = TokenBucket(size, NOON, NOON)
    for left in range(size, 0, -1):
        assert (bucket.left, bucket.retry_after) == (left, 0)
        bucket = bucket.taken()
    return bucket


@pytest.mark.parametrize("size", [1, 3, 7, 60, 999])
def test_a_full_bucket_empties_and_fills_in_a_minute(size: int) -> None:
    empty = _empty(size)
    assert (empty.left, empty.retry_after) == (0, -(-WINDOW // size))
    assert _later(empty, WINDOW).left == size
    assert _later(empty, 10 * WINDOW).left == size


@pytest.mark.parametrize("size", [1, 3, 7, 60, 999])
def test_when_it_says_there_is_a_token_again_there_is(size: int) -> None:
    empty = _empty(size)
    assert _later(empty, empty.retry_after).left >= 1
    assert _later(empty, empty.retry_after - 1).left == 0


def test_tokens_come_one_by_one() -> None:
    empty = _empty(3)
    found = [(_later(empty, at).left, _later(empty, at).retry_after) for at in (0, 1, 19, 20, 40)]
    assert found == [(0, 20), (0, 19), (0, 1), (1, 0), (2, 0)]


def test_a_clock_set_back_locks_nobody_out() -> None:
    assert _later(_empty(3), -3600).left == 3


@settings(deadline=None)
@given(st.integers(1, 9), st.lists(st.integers(0, 30), max_size=60))
def test_no_minute_sees_more_than_twice_the_bucket(size: int, pauses: list[int]) -> None:
    bucket, taken = TokenBucket(size, NOON, NOON), []
    for pause in pauses:
        bucket = _later(bucket, pause)
        while bucket.left:
            bucket = bucket.taken()
            taken.append(bucket.now)
        assert 0 <= bucket.left <= size
    for start in taken:
        within = [at for at in taken if start <= at < start + timedelta(seconds=WINDOW)]
        assert len(within) <= 2 * size
