"""The limits of a user, and what the API says about them."""

import asyncio

import pytest

from tests.integration.conftest import Pools
from tests.integration.files.harness import MakeApp, ManualClock, Person, event_names, person
from tests.support.apps import is_problem
from tests.support.keys import Keys


async def test_uploads_are_so_many_a_minute(
    make_app: MakeApp, keys: Keys, clock: ManualClock
) -> None:
    async with make_app(uploads_per_minute=3) as app, person(app, keys) as ann:
        left = []
        for number in range(3):
            saved = (await ann.upload(f"{number}.py")).json()
            left.append(saved["limits"]["uploads"])
        assert [uploads["left"] for uploads in left] == [2, 1, 0]
        assert [uploads["retry_after"] for uploads in left] == [0, 0, 20]
        refused = await ann.upload("one more.py")
        assert is_problem(refused, 429, "too_many_uploads")
        assert refused.headers["retry-after"] == "20"
        assert refused.json()["params"] == {"seconds": 20}
        clock.advance(seconds=19)
        assert (await ann.upload("one more.py")).headers["retry-after"] == "1"
        clock.advance(seconds=1)
        assert (await ann.upload("one more.py")).status_code == 201
        assert is_problem(await ann.upload("and another.py"), 429, "too_many_uploads")


async def test_replacements_count_and_what_changes_nothing_does_not(
    make_app: MakeApp, keys: Keys
) -> None:
    async with make_app(uploads_per_minute=3) as app, person(app, keys) as ann:
        file_id = await ann.new(content=b"one")
        await ann.replace(file_id, b"two")
        assert (await ann.upload(content=b"three")).status_code == 409
        assert (await ann.replace(file_id, b"two")).json()["unchanged"]
        assert (await ann.limits())["uploads"]["left"] == 1
        await ann.replace(file_id, b"three")
        assert (await ann.replace(file_id, b"three")).json()["unchanged"]
        assert is_problem(await ann.replace(file_id, b"four"), 429, "too_many_uploads")


async def test_restoring_counts_and_deleting_does_not(make_app: MakeApp, keys: Keys) -> None:
    async with make_app(uploads_per_minute=3) as app, person(app, keys) as ann:
        file_id = await ann.new()
        for left in (1, 0):
            await ann.delete(file_id)
            assert (await ann.restore(file_id)).json()["limits"]["uploads"]["left"] == left
        assert (await ann.restore(file_id)).status_code == 200  # it is there already
        assert (await ann.delete(file_id)).status_code == 200
        assert is_problem(await ann.restore(file_id), 429, "too_many_uploads")


async def test_a_file_changes_so_many_times_and_can_go_all_the_same(
    make_app: MakeApp, keys: Keys, pools: Pools
) -> None:
    async with make_app(file_changes=4) as app, person(app, keys) as ann:
        file_id = await ann.new(content=b"one")
        await ann.replace(file_id, b"two")
        await ann.delete(file_id)
        await ann.restore(file_id)
        refused = await ann.replace(file_id, b"three")
        assert is_problem(refused, 422, "too_many_changes")
        assert refused.json()["params"] == {"limit": 4}
        assert (await ann.replace(file_id, b"two")).json()["unchanged"]
        assert (await ann.delete(file_id)).status_code == 200
        assert len(await event_names(pools("files"), file_id)) == 5
        other = await ann.new(content=b"three")
        await ann.delete(other)
        assert (await ann.restore(file_id)).status_code == 200


async def test_a_burst_from_many_hands_is_bounded(
    make_app: MakeApp, keys: Keys, pools: Pools
) -> None:
    async with make_app(uploads_per_minute=5) as app, person(app, keys) as ann:
        file_id = await ann.new()
        work = (ann.replace(file_id, f"# {number}\n".encode()) for number in range(20))
        answers = await asyncio.gather(*work)
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [429] * 16
        assert len(await event_names(pools("files"), file_id)) == 5


async def test_one_user_does_not_slow_another(make_app: MakeApp, keys: Keys) -> None:
    async with (
        make_app(uploads_per_minute=1) as app,
        person(app, keys) as ann,
        person(app, keys) as bob,
    ):
        await ann.new()
        assert is_problem(await ann.upload("b.py"), 429, "too_many_uploads")
        await bob.new()


@pytest.mark.parametrize("hours", [-1, 24 * 90])
async def test_a_clock_that_jumps_gives_no_more_than_a_full_bucket(
    make_app: MakeApp, keys: Keys, clock: ManualClock, hours: int
) -> None:
    async with make_app(uploads_per_minute=2) as app, person(app, keys) as ann:
        await ann.new("a.py")
        await ann.new("b.py")
        clock.advance(hours=hours)
        assert (await ann.limits())["uploads"]["left"] == 2
        statuses = [(await ann.upload(f"{name}.py")).status_code for name in "cde"]
        assert statuses == [201, 201, 429]


async def test_files_are_so_many(make_app: MakeApp, keys: Keys) -> None:
    async with make_app(user_files=2) as app, person(app, keys) as ann:
        first, _ = await ann.new("a.py"), await ann.new("b.py")
        refused = await ann.upload("c.py")
        assert is_problem(refused, 422, "too_many_files")
        assert refused.json()["params"] == {"limit": 2}
        assert (await ann.replace(first, b"other", "a.py")).status_code == 200
        await ann.delete(first)
        assert (await ann.limits())["files"] == {"used": 1, "limit": 2}
        await ann.new("c.py")
        assert is_problem(await ann.restore(first), 422, "too_many_files")


async def test_of_many_last_files_one_fits(make_app: MakeApp, keys: Keys) -> None:
    async with make_app(user_files=1) as app, person(app, keys) as ann:
        answers = await asyncio.gather(*(ann.upload(f"{number}.py") for number in range(10)))
        assert sorted(answer.status_code for answer in answers) == [201] + [422] * 9


async def test_bytes_of_all_versions_count_and_the_same_bytes_once(
    make_app: MakeApp, keys: Keys
) -> None:
    async with make_app(user_bytes=100) as app, person(app, keys) as ann:
        file_id = await ann.new("a.py", b"#" * 40)
        await ann.replace(file_id, b"a" * 40, "a.py")
        await ann.new("b.py", b"#" * 40)
        assert (await ann.limits())["bytes"] == {"used": 80, "limit": 100}
        refused = await ann.replace(file_id, b"b" * 21, "a.py")
        assert is_problem(refused, 422, "storage_full")
        assert refused.json()["params"] == {"limit": 100}
        assert is_problem(await ann.upload("c.py", b"b" * 21), 422, "storage_full")
        assert (await ann.replace(file_id, b"b" * 20, "a.py")).json()["version"] == 3
        await ann.delete(file_id)
        assert (await ann.limits())["bytes"]["used"] == 100


async def test_what_was_refused_is_not_kept(make_app: MakeApp, keys: Keys, pools: Pools) -> None:
    async with make_app(user_bytes=10, user_files=2) as app, person(app, keys) as ann:
        file_id = await ann.new()
        await ann.replace(file_id, b"#" * 11)
        await ann.upload("b.py", b"#" * 11)
        assert (await ann.get(file_id)).json()["version"] == 1
        assert await ann.limits() == {
            "files": {"used": 1, "limit": 2},
            "bytes": {"used": 6, "limit": 10},
            "uploads": {"left": 999, "limit": 1000, "window_seconds": 60, "retry_after": 0},
        }
        assert await event_names(pools("files"), file_id) == ["FileUploaded"]


async def test_who_has_nothing_has_all_of_it_left(ann: Person) -> None:
    limits = await ann.limits()
    assert limits["files"]["used"] == limits["bytes"]["used"] == 0
    assert limits["uploads"]["left"] == limits["uploads"]["limit"]
