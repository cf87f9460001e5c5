"""Looking at the links in mails, which uses nothing up."""

import httpx2
import pytest

from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    look_up_link,
    mailed_link,
)
from tests.support.apps import is_problem


async def _use(harness: AuthHarness, token: str, kind: str) -> httpx2.Response:
    body = {"token": token, "client": harness.client}
    if kind == "reset_password":
        return await harness.post("/password-resets", {**body, "password": OTHER_PASSWORD}, "PUT")
    return await harness.post("/confirmations", {**body, "password": PASSWORD})


KINDS = ("confirm_email", "confirm_new_email", "reset_password")


@pytest.mark.parametrize("kind", KINDS)
async def test_looking_uses_nothing_up_and_a_used_link_says_so(
    harness: AuthHarness, kind: str
) -> None:
    person = await harness.new_person()
    token, email = await mailed_link(harness, person, kind)
    for _ in range(20):
        assert await look_up_link(harness, token) == {
            "kind": kind,
            "user_id": str(person.user_id),
            "registered_here": False,
        }
    assert email not in (await harness.post("/links", {"token": token})).text
    assert (await _use(harness, token, kind)).is_success
    assert await look_up_link(harness, token) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_link_that_is_too_old_says_so(harness: AuthHarness, kind: str) -> None:
    token, _ = await mailed_link(harness, await harness.new_person(), kind)
    harness.clock.advance(days=7, seconds=1)
    assert await look_up_link(harness, token) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_link_to_an_address_that_is_no_longer_meant_says_so(
    harness: AuthHarness, kind: str
) -> None:
    person = await harness.new_person()
    token, _ = await mailed_link(harness, person, kind)
    newer, _ = await mailed_link(harness, person, "confirm_new_email")
    if kind != "confirm_new_email":
        assert await look_up_link(harness, token) is not None
        assert (await _use(harness, newer, "confirm_new_email")).is_success
    assert await look_up_link(harness, token) is None
    assert is_problem(await _use(harness, token, kind), 422, "link_invalid")


@pytest.mark.parametrize("token", ["x", "\0", "' OR 1=1 --", "ключ", "x" * 200])
async def test_a_link_nobody_sent_says_so(harness: AuthHarness, token: str) -> None:
    assert await look_up_link(harness, token) is None
