"""Changing the e-mail address of an account."""

import asyncio

import pytest
from sqlalchemy import text

from shared.eventsourcing.append_lock import take_append_lock
from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    new_email,
)
from tests.support.apps import is_problem


async def test_an_address_changes_once_the_new_one_is_confirmed(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await harness.confirm_address(person.email)
    new = new_email()
    await person.request_email_change(new.upper())
    me = await person.get("/me")
    assert (me["email"], me["pending_email"]) == (person.email, new)
    mail = await harness.mail(new, "confirm_new_email")
    answer = await harness.confirm(mail["token"])
    assert (answer.status_code, answer.json()) == (
        200,
        {"kind": "confirm_new_email", "session": None},
    )
    me = await person.get("/me")
    assert (me["email"], me["email_confirmed"], me["pending_email"]) == (new, True, None)
    farewell = await harness.mail(person.email, "email_changed")
    assert farewell["details"]["new_email"] == new
    assert [kind for _, kind in await harness.events(person.user_id)][-2:] == [
        "EmailChanged",
        "AccountMailRequested",
    ]
    assert (await harness.try_login(person.email)).status_code == 401
    assert (await harness.try_login(new)).status_code == 201
    assert is_problem(await harness.confirm(mail["token"]), 422, "link_invalid")
    kinds = await person.security_log_kinds()
    assert kinds[3:5] == ["email_change_requested", "email_changed"]


async def test_who_mistyped_the_address_confirms_by_changing_it(harness: AuthHarness) -> None:
    """And the stranger who has the mistyped one does not learn the right one."""
    person = await harness.new_person()
    new = new_email()
    await person.request_email_change(new)
    await harness.confirm((await harness.mail(new, "confirm_new_email"))["token"])
    assert (await person.get("/me"))["email_confirmed"]
    kinds = [kind for _, kind in await harness.events(person.user_id)]
    assert kinds.count("EmailConfirmed") == 1
    assert await harness.mail_kinds(person.email) == ["confirm_email"]
    [(_, request_id), *_] = await harness.mail_requests(person.email)
    late = await harness.as_notifier("POST", f"/account-mails/{request_id}")
    assert is_problem(late, 404, "not_found")


async def test_a_taken_address_gives_the_same_answer_and_its_owner_a_mail(
    harness: AuthHarness,
) -> None:
    ann, bob = await harness.new_person(), await harness.new_person()
    await ann.request_email_change(bob.email)
    assert (await ann.get("/me"))["pending_email"] == bob.email
    assert await harness.mail_kinds(bob.email) == ["confirm_email", "already_registered"]
    await ann.request("POST", "/confirmations/again")
    assert "confirm_new_email" not in await harness.mail_kinds(bob.email)


async def test_many_accounts_together_write_no_more_to_one_address(harness: AuthHarness) -> None:
    wanted = new_email()
    for _ in range(7):
        await (await harness.new_person()).request_email_change(wanted)
    assert await harness.mail_kinds(wanted) == ["confirm_new_email"] * 5


async def test_asking_again_for_the_address_of_somebody_who_is_being_erased_blocks_nobody(
    harness: AuthHarness,
) -> None:
    """First the rows, then the append lock: in every command."""
    ann, bob = await harness.new_person(), await harness.new_person()
    await ann.request_email_change(bob.email)
    whose = {"user_id": bob.user_id}
    async with harness.database.transaction() as erasing:
        await erasing.execute(text("DELETE FROM users WHERE user_id = :user_id"), whose)
        asked = asyncio.create_task(ann.request("POST", "/confirmations/again"))
        await asyncio.sleep(0.3)
        await take_append_lock(erasing)
    assert (await asked).status_code == 202
    assert await harness.mail_kinds(ann.email) == ["confirm_email"] * 2


async def test_an_address_that_was_taken_meanwhile_is_not_confirmed(harness: AuthHarness) -> None:
    ann = await harness.new_person()
    wanted = new_email()
    await ann.request_email_change(wanted)
    token = (await harness.mail(wanted, "confirm_new_email"))["token"]
    await harness.register(wanted)
    assert is_problem(await harness.confirm(token), 422, "link_invalid")
    assert (await ann.get("/me"))["email"] == ann.email


async def test_of_two_who_want_one_address_one_gets_it(harness: AuthHarness) -> None:
    people, wanted = [await harness.new_person() for _ in range(4)], new_email()
    for person in people:
        await person.request_email_change(wanted)
    tokens = []
    for _, request_id in await harness.mail_requests(wanted):
        answer = await harness.as_notifier("POST", f"/account-mails/{request_id}")
        tokens.append(answer.json()["token"])
    answers = await asyncio.gather(*(harness.confirm(token) for token in tokens))
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422]


async def test_people_who_want_each_others_address_do_not_block_each_other(
    harness: AuthHarness,
) -> None:
    ann, bob = await harness.new_person(), await harness.new_person()
    await asyncio.gather(
        *(one.request_email_change(other.email) for one, other in ((ann, bob), (bob, ann)) * 3)
    )


async def test_only_the_last_wish_counts_and_it_can_be_taken_back(harness: AuthHarness) -> None:
    person = await harness.new_person()
    first, second = new_email(), new_email()
    await person.request_email_change(first)
    token = (await harness.mail(first, "confirm_new_email"))["token"]
    await person.request_email_change(second)
    assert is_problem(await harness.confirm(token), 422, "link_invalid")
    token = (await harness.mail(second, "confirm_new_email"))["token"]
    await person.request_email_change(person.email)
    assert (await person.get("/me"))["pending_email"] is None
    assert is_problem(await harness.confirm(token), 422, "link_invalid")


async def test_the_mail_to_the_new_address_may_be_asked_for_again(harness: AuthHarness) -> None:
    person = await harness.new_person()
    await harness.confirm_address(person.email)
    new = new_email()
    await person.request_email_change(new)
    assert (await person.request("POST", "/confirmations/again")).status_code == 202
    assert await harness.mail_kinds(new) == ["confirm_new_email"] * 2


@pytest.mark.parametrize("email", ["", "a@b", "a@example.org\r\nBcc: x@y.z", "a,b@example.org"])
async def test_what_is_no_address_is_refused(harness: AuthHarness, email: str) -> None:
    person = await harness.new_person()
    answer = await person.request("POST", "/me/email", {"password": PASSWORD, "email": email})
    assert is_problem(answer, 422, "email_invalid")


async def test_a_wrong_password_changes_nothing_and_may_not_be_guessed(
    harness: AuthHarness,
) -> None:
    person = await harness.new_person()
    wrong = {"password": OTHER_PASSWORD, "email": new_email()}
    for _ in range(10):
        answer = await person.request("POST", "/me/email", wrong)
        assert is_problem(answer, 422, "wrong_password")
    for path, body in (
        ("/me/email", wrong | {"password": PASSWORD}),
        ("/me/erasure", {"password": PASSWORD}),
        ("/me/password", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}),
    ):
        answer = await person.request("POST", path, body)
        assert is_problem(answer, 429, "too_many_attempts")
    assert (await person.get("/me"))["pending_email"] is None
    harness.clock.advance(minutes=15, seconds=1)
    await person.request_email_change(new_email())


async def test_nobody_writes_to_the_whole_world_through_us(harness: AuthHarness) -> None:
    person = await harness.new_person()
    for _ in range(10):
        await person.request_email_change(new_email())
    eleventh = {"password": PASSWORD, "email": new_email()}
    assert is_problem(await person.request("POST", "/me/email", eleventh), 429, "too_many_attempts")


async def test_ones_own_address_needs_no_mail(harness: AuthHarness) -> None:
    person, other = await harness.new_person(), new_email()
    for wanted, mailed in ((other, True), (person.email, False)):
        answer = await person.request("POST", "/me/email", {"password": PASSWORD, "email": wanted})
        assert (answer.status_code, answer.json()) == (202, {"mailed": mailed})
    assert (await person.get("/me"))["pending_email"] is None
    assert await harness.mail_kinds(person.email) == ["confirm_email"]
    assert await harness.mail_kinds(other) == ["confirm_new_email"]
