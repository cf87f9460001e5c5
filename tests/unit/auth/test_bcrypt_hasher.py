"""Password hashes: exact for passwords of every length, and worth nothing to a thief."""

from collections.abc import AsyncIterator

import bcrypt
import pytest
import pytest_asyncio

from services.auth.adapters.bcrypt_hasher import BcryptHasher


@pytest_asyncio.fixture
async def hasher() -> AsyncIterator[BcryptHasher]:
    made = BcryptHasher("pepper", 4)
    yield made
    await made.close()


@pytest.mark.parametrize("password", ["8 signs!", "x" * 200, "ж" * 100, "x" * 1024, "😀" * 8])
async def test_the_right_password_fits_and_one_that_is_nearly_right_does_not(
    hasher: BcryptHasher, password: str
) -> None:
    stored = await hasher.hash(password, "network")
    assert await hasher.verify(password, stored, "network")
    for wrong in (password[:-1], password + "x", password[:-1] + "y", password.swapcase() + " "):
        assert not await hasher.verify(wrong, stored, "network")


async def test_two_people_with_one_password_have_two_hashes(hasher: BcryptHasher) -> None:
    assert await hasher.hash("password", "network") != await hasher.hash("password", "network")


async def test_without_the_pepper_a_stolen_hash_says_nothing(hasher: BcryptHasher) -> None:
    stored = await hasher.hash("password", "network")
    thief = BcryptHasher("another", 4)
    try:
        assert not await thief.verify("password", stored, "network")
    finally:
        await thief.close()


@pytest.mark.parametrize("password", ["", "password", "\0", "\ud800", "x" * 100_000])
async def test_no_password_fits_a_user_who_does_not_exist(
    hasher: BcryptHasher, password: str
) -> None:
    assert not await hasher.verify(password, None, "network")


async def test_a_user_who_does_not_exist_costs_a_whole_hash() -> None:
    """At the same cost as for a user who does: the dummy names the cost of today."""
    for cost in (4, 6):
        hasher = BcryptHasher("pepper", cost)
        try:
            stored = await hasher.hash("password", "network")
            assert stored.startswith(f"$2b${cost:02}$")
            assert not await hasher.verify("wrong password", stored, "network")
            assert not await hasher.verify("wrong password", None, "network")
        finally:
            await hasher.close()


async def test_a_hash_of_an_older_cost_takes_as_much_work_as_one_of_today(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the time of an answer tells who has an account from before."""
    rounds = list[int]()
    really = bcrypt.hashpw

    def counting(password: bytes, salt: bytes) -> bytes:
        rounds.append(2 ** int(salt[4:6]))
        return really(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", counting)
    made = [BcryptHasher("pepper", cost) for cost in (4, 5, 7)]
    try:
        stored = [await hasher.hash("password", "network") for hasher in made]
        for found in (*stored, None):
            for password in ("password", "wrong password"):
                rounds.clear()
                right = await made[-1].verify(password, found, "network")
                assert right == (found is not None and password == "password")
                assert sum(rounds) == 2**7
    finally:
        for hasher in made:
            await hasher.close()


async def test_a_hash_of_another_cost_is_outdated(hasher: BcryptHasher) -> None:
    stored = await hasher.hash("password", "network")
    assert not hasher.is_outdated(stored)
    assert hasher.is_outdated(stored.replace("$04$", "$05$"))
