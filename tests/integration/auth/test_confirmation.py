"""Somebody has registered with an address that is not theirs; then its owner opens the mail."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    Person,
    new_client,
    new_email,
)
from tests.support.apps import is_problem

COOKIE = "a-secret-of-the-registering-browser"


@dataclass
class Stranger:
    """Whoever has opened the account, with a session and a token that they keep."""

    session: Person
    api_token: str
    link: str


async def a_stranger(harness: AuthHarness) -> Stranger:
    email = new_email()
    assert (await harness.register(email, cookie=COOKIE)).status_code == 202
    session = await harness.log_in(email, client=new_client())
    body = {"name": "kept", "scopes": ["files:read"]}
    made = await session.request("POST", "/tokens", body)
    link = (await harness.mail(email, "confirm_email"))["token"]
    return Stranger(session, made.json()["token"], link)


async def lets_in(harness: AuthHarness, stranger: Stranger) -> tuple[bool, bool]:
    by_token = await harness.post("/tokens/access", {"token": stranger.api_token})
    return await harness.is_active(stranger.session.session_id), by_token.status_code == 200


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
async def test_the_link_alone_adopts_no_account(
    harness: AuthHarness, proof: dict[str, Any]
) -> None:
    stranger = await a_stranger(harness)
    answer = await harness.confirm(stranger.link, None, **proof)
    assert is_problem(answer, 403, "password_or_login_required")
    assert not (await stranger.session.get("/me"))["email_confirmed"]
    # The link has not been used up by that.
    answer = await harness.confirm(stranger.link, OTHER_PASSWORD)
    assert is_problem(answer, 422, "wrong_password")
    assert (await harness.confirm(stranger.link, PASSWORD)).status_code == 200


async def test_a_new_password_by_the_link_ends_all_that_was_opened_before(
    harness: AuthHarness,
) -> None:
    stranger = await a_stranger(harness)
    assert await lets_in(harness, stranger) == (True, True)
    body = {"token": stranger.link, "password": OTHER_PASSWORD}
    assert (await harness.post("/password-resets", body, "PUT")).status_code == 204
    assert await lets_in(harness, stranger) == (False, False)
    assert is_problem(await harness.try_login(stranger.session.email), 401, "wrong_credentials")
    owner = await harness.log_in(stranger.session.email, OTHER_PASSWORD)
    assert (await owner.get("/me"))["email_confirmed"]
    assert is_problem(await harness.confirm(stranger.link), 422, "link_invalid")


async def test_somebody_logged_in_to_another_account_confirms_only_their_own(
    harness: AuthHarness,
) -> None:
    stranger, owner = await a_stranger(harness), await harness.new_person()
    answer = await owner.request("POST", "/me/confirmations", {"token": stranger.link})
    assert is_problem(answer, 403, "password_or_login_required")
    own = await harness.mail(owner.email, "confirm_email")
    answer = await owner.request("POST", "/me/confirmations", {"token": own["token"]})
    assert (answer.status_code, answer.json()["kind"]) == (200, "confirm_email")
    assert (await owner.security_log_kinds())[-1] == "email_confirmed"


async def test_a_session_that_has_ended_confirms_nothing(harness: AuthHarness) -> None:
    person = await harness.new_person()
    link = (await harness.mail(person.email, "confirm_email"))["token"]
    await person.request("DELETE", "/sessions/current")
    answer = await person.request("POST", "/me/confirmations", {"token": link})
    assert is_problem(answer, 401, "unauthenticated")
    assert (await harness.post("/links", {"token": link})).status_code == 200


async def test_an_api_token_confirms_nothing(harness: AuthHarness) -> None:
    stranger = await a_stranger(harness)
    access = (await harness.post("/tokens/access", {"token": stranger.api_token})).json()
    program = Person(harness, stranger.session.email, access)
    answer = await program.request("POST", "/me/confirmations", {"token": stranger.link})
    assert is_problem(answer, 403, "session_required")


async def test_the_browser_that_registered_confirms_and_is_logged_in(harness: AuthHarness) -> None:
    email = new_email()
    await harness.register(email, cookie=COOKIE)
    link = (await harness.mail(email, "confirm_email"))["token"]
    looked = await harness.post("/links", {"token": link, "cookie": COOKIE})
    assert looked.json()["registered_here"]
    answer = await harness.confirm(link, None, cookie=COOKIE, log_in=True)
    assert answer.status_code == 200
    person = Person(harness, email, answer.json()["session"])
    assert (await person.get("/me"))["email_confirmed"]
    assert await person.security_log_kinds() == ["registered", "email_confirmed", "signed_in"]
    exchanged = await harness.exchange(str(person.tokens["token"]), "access")
    assert exchanged.status_code == 200


async def test_the_password_logs_in_where_that_is_wished_for(harness: AuthHarness) -> None:
    stranger = await a_stranger(harness)
    answer = await harness.confirm(stranger.link, PASSWORD, log_in=True)
    assert answer.json()["session"]["user_id"] == str(stranger.session.user_id)


async def test_a_cookie_of_a_registration_that_made_no_account_is_worth_nothing(
    harness: AuthHarness,
) -> None:
    """Who registers an address that has an account gets the same answer, and no way in."""
    owner = await harness.new_person()
    assert (await harness.register(owner.email, OTHER_PASSWORD, cookie=COOKIE)).status_code == 202
    link = (await harness.mail(owner.email, "confirm_email"))["token"]
    answer = await harness.confirm(link, None, cookie=COOKIE, log_in=True)
    assert is_problem(answer, 403, "password_or_login_required")


async def test_a_registering_browser_is_known_until_the_address_is_confirmed(
    harness: AuthHarness,
) -> None:
    email = new_email()
    await harness.register(email, cookie=COOKIE)
    person = await harness.log_in(email)
    await harness.confirm_address(email)
    kept = await harness.rows(
        "SELECT registration_hash FROM users WHERE user_id = :id", id=person.user_id
    )
    assert kept == [(None,)]


async def test_whoever_gets_the_link_of_a_mistyped_new_address_gets_nothing(
    harness: AuthHarness,
) -> None:
    """The wished-for address is a stranger's, who must not get the account with it."""
    person, typo = await harness.new_person(), new_email()
    await person.request("POST", "/me/email", {"password": PASSWORD, "email": typo})
    link = (await harness.mail(typo, "confirm_new_email"))["token"]
    answer = await harness.confirm(link, None, cookie=COOKIE, log_in=True)
    assert is_problem(answer, 403, "password_or_login_required")
    body = {"token": link, "password": OTHER_PASSWORD}
    assert is_problem(await harness.post("/password-resets", body, "PUT"), 422, "link_invalid")
    assert (await person.get("/me"))["email"] == person.email
    answer = await person.request("POST", "/me/confirmations", {"token": link})
    assert answer.status_code == 200
    assert (await person.get("/me"))["email"] == typo


async def test_guesses_of_the_password_count_as_failed_logins(harness: AuthHarness) -> None:
    stranger = await a_stranger(harness)
    for _ in range(10):
        answer = await harness.confirm(stranger.link, OTHER_PASSWORD)
        assert is_problem(answer, 422, "wrong_password")
    refused = await harness.confirm(stranger.link, PASSWORD)
    assert is_problem(refused, 429, "too_many_attempts")
    assert (await harness.try_login(stranger.session.email)).status_code == 429


async def test_no_link_that_confirms_outlives_the_confirmation(harness: AuthHarness) -> None:
    """Such a link sets a password: who reads an old mail must not take over the account."""
    person = await harness.new_person()
    first = (await harness.mail(person.email, "confirm_email"))["token"]
    harness.clock.advance(minutes=2)
    await person.request("POST", "/confirmations/again")
    second = (await harness.mail(person.email, "confirm_email"))["token"]
    assert (await harness.confirm(second)).status_code == 200
    for token in (first, second):
        body = {"token": token, "password": OTHER_PASSWORD}
        refused = await harness.post("/password-resets", body, "PUT")
        assert is_problem(refused, 422, "link_invalid")
        assert is_problem(await harness.post("/links", {"token": token}), 422, "link_invalid")
    assert await harness.is_active(person.session_id)


async def test_nor_does_it_outlive_a_reset(harness: AuthHarness) -> None:
    person = await harness.new_person()
    confirming = (await harness.mail(person.email, "confirm_email"))["token"]
    await harness.post("/password-resets", {"email": person.email, "client": harness.client})
    token = (await harness.mail(person.email, "reset_password"))["token"]
    body = {"token": token, "password": OTHER_PASSWORD}
    assert (await harness.post("/password-resets", body, "PUT")).status_code == 204
    harness.clock.advance(days=6)
    again = {"token": confirming, "password": PASSWORD}
    assert is_problem(await harness.post("/password-resets", again, "PUT"), 422, "link_invalid")


async def test_news_of_a_login_by_the_link_go_to_the_new_address(harness: AuthHarness) -> None:
    person, new = await harness.new_person(client=new_client("a device")), new_email()
    await harness.confirm_address(person.email)
    await person.request("POST", "/me/email", {"password": PASSWORD, "email": new})
    link = (await harness.mail(new, "confirm_new_email"))["token"]
    elsewhere = new_client("another device")
    answer = await harness.confirm(link, PASSWORD, log_in=True, client=elsewhere)
    assert answer.status_code == 200
    assert "new_sign_in" not in await harness.mail_kinds(person.email)
    assert "new_sign_in" in await harness.mail_kinds(new)
