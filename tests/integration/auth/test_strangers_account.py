"""Somebody has registered with an address that is not theirs; then its owner opens the mail."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.auth.world import (
    OTHER_PASSWORD,
    PASSWORD,
    Session,
    World,
    address,
    somewhere,
)
from tests.support.apps import is_problem

COOKIE = "a-secret-of-the-registering-browser"


@dataclass
class Stranger:
    """Whoever has opened the account, with a session and a token that they keep."""

    session: Session
    api_token: str
    link: str


async def a_stranger(world: World) -> Stranger:
    email = address()
    assert (await world.register(email, cookie=COOKIE)).status_code == 202
    session = await world.log_in(email, client=somewhere())
    body = {"name": "kept", "scopes": ["files:read"]}
    made = await session.ask("POST", "/tokens", body)
    link = (await world.mail(email, "confirm_email"))["token"]
    return Stranger(session, made.json()["token"], link)


async def lets_in(world: World, stranger: Stranger) -> tuple[bool, bool]:
    by_token = await world.post("/tokens/access", {"token": stranger.api_token})
    return await world.is_alive(stranger.session.session_id), by_token.status_code == 200


@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"cookie": ""},
        {"cookie": "another browser's"},
        {"cookie": COOKIE + "x"},
        {"log_in": True},
    ],
    ids=str,
)
async def test_the_link_alone_adopts_no_account(world: World, proof: dict[str, Any]) -> None:
    stranger = await a_stranger(world)
    answer = await world.confirm(stranger.link, None, **proof)
    assert is_problem(answer, 403, "password_or_login_required")
    assert not (await stranger.session.get("/me"))["email_confirmed"]
    # The link has not been used up by that.
    answer = await world.confirm(stranger.link, OTHER_PASSWORD)
    assert is_problem(answer, 422, "wrong_password")
    assert (await world.confirm(stranger.link, PASSWORD)).status_code == 200


async def test_a_new_password_by_the_link_ends_all_that_was_opened_before(world: World) -> None:
    stranger = await a_stranger(world)
    assert await lets_in(world, stranger) == (True, True)
    body = {"token": stranger.link, "password": OTHER_PASSWORD}
    assert (await world.post("/password-resets", body, "PUT")).status_code == 204
    assert await lets_in(world, stranger) == (False, False)
    assert is_problem(await world.try_login(stranger.session.email), 401, "wrong_credentials")
    owner = await world.log_in(stranger.session.email, OTHER_PASSWORD)
    assert (await owner.get("/me"))["email_confirmed"]
    assert is_problem(await world.confirm(stranger.link), 422, "link_invalid")


async def test_somebody_logged_in_to_another_account_confirms_only_their_own(world: World) -> None:
    stranger, owner = await a_stranger(world), await world.person()
    answer = await owner.ask("POST", "/me/confirmations", {"token": stranger.link})
    assert is_problem(answer, 403, "password_or_login_required")
    own = await world.mail(owner.email, "confirm_email")
    answer = await owner.ask("POST", "/me/confirmations", {"token": own["token"]})
    assert (answer.status_code, answer.json()["kind"]) == (200, "confirm_email")
    assert (await owner.log_kinds())[-1] == "email_confirmed"


async def test_a_session_that_has_ended_confirms_nothing(world: World) -> None:
    person = await world.person()
    link = (await world.mail(person.email, "confirm_email"))["token"]
    await person.ask("DELETE", "/sessions/current")
    answer = await person.ask("POST", "/me/confirmations", {"token": link})
    assert is_problem(answer, 401, "unauthenticated")
    assert (await world.post("/links", {"token": link})).status_code == 200


async def test_an_api_token_confirms_nothing(world: World) -> None:
    stranger = await a_stranger(world)
    access = (await world.post("/tokens/access", {"token": stranger.api_token})).json()
    program = Session(world, stranger.session.email, access)
    answer = await program.ask("POST", "/me/confirmations", {"token": stranger.link})
    assert is_problem(answer, 403, "session_required")


async def test_the_browser_that_registered_confirms_and_is_logged_in(world: World) -> None:
    email = address()
    await world.register(email, cookie=COOKIE)
    link = (await world.mail(email, "confirm_email"))["token"]
    looked = await world.post("/links", {"token": link, "cookie": COOKIE})
    assert looked.json()["registered_here"]
    answer = await world.confirm(link, None, cookie=COOKIE, log_in=True)
    assert answer.status_code == 200
    person = Session(world, email, answer.json()["session"])
    assert (await person.get("/me"))["email_confirmed"]
    assert await person.log_kinds() == ["registered", "email_confirmed", "signed_in"]
    exchanged = await world.exchange(str(person.tokens["token"]), "access")
    assert exchanged.status_code == 200


async def test_the_password_logs_in_where_that_is_wished_for(world: World) -> None:
    stranger = await a_stranger(world)
    answer = await world.confirm(stranger.link, PASSWORD, log_in=True)
    assert answer.json()["session"]["user_id"] == str(stranger.session.user_id)


async def test_a_cookie_of_a_registration_that_made_no_account_is_worth_nothing(
    world: World,
) -> None:
    """Who registers an address that has an account gets the same answer, and no way in."""
    owner = await world.person()
    assert (await world.register(owner.email, OTHER_PASSWORD, cookie=COOKIE)).status_code == 202
    link = (await world.mail(owner.email, "confirm_email"))["token"]
    answer = await world.confirm(link, None, cookie=COOKIE, log_in=True)
    assert is_problem(answer, 403, "password_or_login_required")


async def test_a_registering_browser_is_known_until_the_address_is_confirmed(world: World) -> None:
    email = address()
    await world.register(email, cookie=COOKIE)
    person = await world.log_in(email)
    await world.confirm_address(email)
    kept = await world.rows(
        "SELECT registration_hash FROM users WHERE user_id = :id", id=person.user_id
    )
    assert kept == [(None,)]


async def test_whoever_gets_the_link_of_a_mistyped_new_address_gets_nothing(world: World) -> None:
    """The wished-for address is a stranger's, who must not get the account with it."""
    person, typo = await world.person(), address()
    await person.ask("POST", "/me/email", {"password": PASSWORD, "email": typo})
    link = (await world.mail(typo, "confirm_new_email"))["token"]
    answer = await world.confirm(link, None, cookie=COOKIE, log_in=True)
    assert is_problem(answer, 403, "password_or_login_required")
    body = {"token": link, "password": OTHER_PASSWORD}
    assert is_problem(await world.post("/password-resets", body, "PUT"), 422, "link_invalid")
    assert (await person.get("/me"))["email"] == person.email
    answer = await person.ask("POST", "/me/confirmations", {"token": link})
    assert answer.status_code == 200
    assert (await person.get("/me"))["email"] == typo


async def test_guesses_of_the_password_count_as_failed_logins(world: World) -> None:
    stranger = await a_stranger(world)
    for _ in range(10):
        answer = await world.confirm(stranger.link, OTHER_PASSWORD)
        assert is_problem(answer, 422, "wrong_password")
    refused = await world.confirm(stranger.link, PASSWORD)
    assert is_problem(refused, 429, "too_many_attempts")
    assert (await world.try_login(stranger.session.email)).status_code == 429


async def test_no_link_that_confirms_outlives_the_confirmation(world: World) -> None:
    """Such a link sets a password: who reads an old mail must not take over the account."""
    person = await world.person()
    first = (await world.mail(person.email, "confirm_email"))["token"]
    world.clock.let_pass(minutes=2)
    await person.ask("POST", "/confirmations/again")
    second = (await world.mail(person.email, "confirm_email"))["token"]
    assert (await world.confirm(second)).status_code == 200
    for token in (first, second):
        body = {"token": token, "password": OTHER_PASSWORD}
        refused = await world.post("/password-resets", body, "PUT")
        assert is_problem(refused, 422, "link_invalid")
        assert is_problem(await world.post("/links", {"token": token}), 422, "link_invalid")
    assert await world.is_alive(person.session_id)


async def test_nor_does_it_outlive_a_reset(world: World) -> None:
    person = await world.person()
    confirming = (await world.mail(person.email, "confirm_email"))["token"]
    await world.post("/password-resets", {"email": person.email, "client": world.client})
    token = (await world.mail(person.email, "reset_password"))["token"]
    body = {"token": token, "password": OTHER_PASSWORD}
    assert (await world.post("/password-resets", body, "PUT")).status_code == 204
    world.clock.let_pass(days=6)
    again = {"token": confirming, "password": PASSWORD}
    assert is_problem(await world.post("/password-resets", again, "PUT"), 422, "link_invalid")


async def test_news_of_a_login_by_the_link_go_to_the_new_address(world: World) -> None:
    person, new = await world.person(client=somewhere("a device")), address()
    await world.confirm_address(person.email)
    await person.ask("POST", "/me/email", {"password": PASSWORD, "email": new})
    link = (await world.mail(new, "confirm_new_email"))["token"]
    elsewhere = somewhere("another device")
    answer = await world.confirm(link, PASSWORD, log_in=True, client=elsewhere)
    assert answer.status_code == 200
    assert "new_sign_in" not in await world.mail_kinds(person.email)
    assert "new_sign_in" in await world.mail_kinds(new)
