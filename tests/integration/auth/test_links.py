"""Looking at the links in mails, which uses nothing up."""

from typing import Any

import httpx2
import pytest

from tests.integration.auth.world import OTHER_PASSWORD, PASSWORD, Session, World, address
from tests.support.apps import is_problem


async def look(world: World, token: str) -> httpx2.Response:
    return await world.post("/links", {"token": token})


async def works(world: World, token: str) -> Any:
    answer = await look(world, token)
    if answer.status_code == 200:
        return answer.json()
    assert is_problem(answer, 422, "link_invalid")
    return None


async def token_of(world: World, person: Session, kind: str) -> tuple[str, str]:
    """A link that works, and the address it was mailed to."""
    email = person.email
    if kind == "confirm_new_email":
        email = address()
        await person.ask("POST", "/me/email", {"password": PASSWORD, "email": email})
    elif kind == "reset_password":
        await world.post("/password-resets", {"email": email, "client": world.client})
    return str((await world.mail(email, kind))["token"]), email


async def use(world: World, token: str, kind: str) -> httpx2.Response:
    body = {"token": token, "client": world.client}
    if kind == "reset_password":
        return await world.post("/password-resets", {**body, "password": OTHER_PASSWORD}, "PUT")
    return await world.post("/confirmations", {**body, "password": PASSWORD})


KINDS = ("confirm_email", "confirm_new_email", "reset_password")


@pytest.mark.parametrize("kind", KINDS)
async def test_looking_uses_nothing_up_and_a_used_link_says_so(world: World, kind: str) -> None:
    person = await world.person()
    token, email = await token_of(world, person, kind)
    for _ in range(20):
        assert await works(world, token) == {
            "kind": kind,
            "user_id": str(person.user_id),
            "registered_here": False,
        }
    assert email not in (await look(world, token)).text
    assert (await use(world, token, kind)).is_success
    assert await works(world, token) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_link_that_is_too_old_says_so(world: World, kind: str) -> None:
    token, _ = await token_of(world, await world.person(), kind)
    world.clock.let_pass(days=7, seconds=1)
    assert await works(world, token) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_link_to_an_address_that_is_no_longer_meant_says_so(
    world: World, kind: str
) -> None:
    person = await world.person()
    token, _ = await token_of(world, person, kind)
    newer, _ = await token_of(world, person, "confirm_new_email")
    if kind != "confirm_new_email":
        assert await works(world, token) is not None
        assert (await use(world, newer, "confirm_new_email")).is_success
    assert await works(world, token) is None
    assert is_problem(await use(world, token, kind), 422, "link_invalid")


@pytest.mark.parametrize("token", ["x", "\0", "' OR 1=1 --", "ключ", "x" * 200])
async def test_a_link_nobody_sent_says_so(world: World, token: str) -> None:
    assert await works(world, token) is None
