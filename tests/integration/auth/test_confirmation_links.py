"""The links that confirm an e-mail address: how often and how long they work."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    AuthHarness,
)
from tests.support.apps import is_problem

CONFIRMED = {"kind": "confirm_email", "session": None}


async def test_the_link_in_the_mail_confirms_the_address_once(harness: AuthHarness) -> None:
    person = await harness.new_person()
    mail = await harness.mail(person.email, "confirm_email")
    assert (mail["email"], mail["language"]) == (person.email, "ru")
    assert datetime.fromisoformat(mail["expires_at"]) == harness.clock.now + timedelta(days=7)
    answer = await harness.confirm(mail["token"])
    assert (answer.status_code, answer.json()) == (200, CONFIRMED)
    assert (await person.get("/me"))["email_confirmed"]
    assert is_problem(await harness.confirm(mail["token"]), 422, "link_invalid")
    assert [kind for _, kind in await harness.events(person.user_id)].count("EmailConfirmed") == 1
    assert (await person.security_log_kinds())[-1] == "email_confirmed"


async def test_of_parallel_uses_of_a_link_one_counts(harness: AuthHarness) -> None:
    person = await harness.new_person()
    token = (await harness.mail(person.email, "confirm_email"))["token"]
    answers = await asyncio.gather(*(harness.confirm(token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 7


async def test_a_mail_sent_twice_holds_two_links_of_which_one_works(harness: AuthHarness) -> None:
    """The first attempt may have arrived although the mail server did not say so."""
    person = await harness.new_person()
    first = (await harness.mail(person.email, "confirm_email"))["token"]
    second = (await harness.mail(person.email, "confirm_email"))["token"]
    assert first != second
    assert (await harness.confirm(first)).status_code == 200
    assert is_problem(await harness.confirm(second), 422, "link_invalid")


async def test_a_link_ends_after_a_week(harness: AuthHarness) -> None:
    person = await harness.new_person()
    token = (await harness.mail(person.email, "confirm_email"))["token"]
    harness.clock.advance(days=7, seconds=1)
    assert is_problem(await harness.confirm(token), 422, "link_invalid")


@pytest.mark.parametrize("token", ["x", "\0", "' OR 1=1 --", "ключ", "x" * 200])
async def test_a_link_nobody_sent_is_worth_nothing(harness: AuthHarness, token: str) -> None:
    assert is_problem(await harness.confirm(token), 422, "link_invalid")
    body = {"token": token, "password": OTHER_PASSWORD}
    assert is_problem(await harness.post("/password-resets", body, "PUT"), 422, "link_invalid")


async def test_whoever_waits_for_the_mail_may_ask_again_but_not_without_end(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    for _ in range(9):
        harness.clock.advance(minutes=15)
        answer = await person.request("POST", "/confirmations/again")
        assert (answer.status_code, answer.json()) == (202, {})
        again = await person.request("POST", "/confirmations/again")
        assert is_problem(again, 429, "too_many_attempts")
        assert 0 < int(again.headers["retry-after"]) <= 60
    harness.clock.advance(minutes=15)
    assert (await person.request("POST", "/confirmations/again")).status_code == 202
    eleventh = await person.request("POST", "/confirmations/again")
    assert is_problem(eleventh, 429, "too_many_attempts")
    assert int(eleventh.headers["retry-after"]) > 75_000
    assert await harness.mail_kinds(person.email) == ["confirm_email"] * 11


async def test_an_address_gets_five_such_mails_an_hour_however_often_it_is_asked_for(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    for _ in range(8):
        harness.clock.advance(minutes=1, seconds=1)
        answer = await person.request("POST", "/confirmations/again")
        assert (answer.status_code, answer.json()) == (202, {})
    assert await harness.mail_kinds(person.email) == ["confirm_email"] * 5


async def test_who_has_confirmed_is_not_written_to_again(harness: AuthHarness) -> None:
    person = await harness.new_person()
    [(_, request_id)] = await harness.mail_requests(person.email)
    await harness.confirm_address(person.email)
    again = await person.request("POST", "/confirmations/again")
    assert is_problem(again, 409, "email_already_confirmed")
    assert await harness.mail_kinds(person.email) == ["confirm_email"]
    late = await harness.as_notifier("POST", f"/account-mails/{request_id}")
    assert is_problem(late, 404, "not_found")


async def test_a_mail_that_could_not_be_sent_for_a_week_is_not_wanted_any_more(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    [(_, request_id)] = await harness.mail_requests(person.email)
    harness.clock.advance(days=7, seconds=1)
    late = await harness.as_notifier("POST", f"/account-mails/{request_id}")
    assert is_problem(late, 404, "not_found")
    unknown = await harness.as_notifier("POST", f"/account-mails/{uuid4()}")
    assert is_problem(unknown, 404, "not_found")
