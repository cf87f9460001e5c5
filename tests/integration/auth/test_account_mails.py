"""Mail goes to the address that was typed, its domain in ASCII as IDNA 2008 has it."""

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

# As typed, and where mail goes; `{}` is nobody's yet.
TYPED = [
    ("{}@straße.example", "{}@xn--strae-oqa.example"),
    ("Ada.{}@Größe.example", "Ada.{}@xn--gre-6ka8i.example"),
    ("{}@λόγος.example", "{}@xn--oxapnm1c.example"),
    ("{}@خوش\u200cنویس.example", "{}@xn--tgbkc6eic83go19l.example"),
    ("{}@xn--fa-hia.example", "{}@xn--fa-hia.example"),
    ("{}@XN--NXASMM1C.Example", "{}@xn--nxasmm1c.example"),
]


def _new(typed: str, ascii_email: str) -> tuple[str, str]:
    name, _, _ = new_email().partition("@")
    return typed.format(name), ascii_email.format(name)


async def _registered(harness: AuthHarness, email: str) -> Person:
    assert (await harness.register(email)).status_code == 202
    return await harness.log_in(email)


async def _mail(harness: AuthHarness, person: Person, kind: str) -> dict[str, object]:
    """The newest mail of a kind that was wished for a person."""
    rows = await harness.rows(
        "SELECT request_id FROM mail_requests WHERE user_id = :user_id AND kind = :kind"
        " ORDER BY requested_at DESC, request_id DESC LIMIT 1",
        user_id=person.user_id,
        kind=kind,
    )
    answer = await harness.as_notifier("POST", f"/account-mails/{rows[0][0]}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(("typed", "ascii_email"), TYPED)
async def test_every_mail_of_an_account_goes_there(
    harness: AuthHarness, typed: str, ascii_email: str
) -> None:
    typed, ascii_email = _new(typed, ascii_email)
    person = await _registered(harness, typed)
    confirm = await _mail(harness, person, "confirm_email")
    assert confirm["email"] == ascii_email
    assert (await harness.confirm(str(confirm["token"]))).status_code == 200
    assert (await harness.contact(person.user_id) or {})["email"] == ascii_email
    await harness.register(typed.lower())
    assert (await _mail(harness, person, "already_registered"))["email"] == ascii_email
    await harness.log_in(ascii_email.upper(), client=new_client("a new one"))
    assert (await _mail(harness, person, "new_sign_in"))["email"] == ascii_email
    await harness.post("/password-resets", {"email": ascii_email.lower()})
    reset = await _mail(harness, person, "reset_password")
    assert reset["email"] == ascii_email
    new = {"token": reset["token"], "password": OTHER_PASSWORD, "client": harness.client}
    assert (await harness.post("/password-resets", new, "PUT")).status_code == 204
    assert (await _mail(harness, person, "password_changed"))["email"] == ascii_email


@pytest.mark.parametrize(("typed", "ascii_email"), TYPED)
async def test_a_changed_address_too_and_the_old_one_is_told_where_it_was(
    harness: AuthHarness, typed: str, ascii_email: str
) -> None:
    old, new = _new(typed, ascii_email), _new(typed, ascii_email)
    person = await _registered(harness, old[0])
    await harness.confirm(str((await _mail(harness, person, "confirm_email"))["token"]))
    await person.request_email_change(new[0])
    assert (await _mail(harness, person, "confirm_new_email"))["email"] == new[1]
    harness.clock.advance(minutes=2)
    assert (await person.request("POST", "/confirmations/again")).status_code == 202
    again = await _mail(harness, person, "confirm_new_email")
    assert again["email"] == new[1]
    assert (await harness.confirm(str(again["token"]))).status_code == 200
    assert (await _mail(harness, person, "email_changed"))["email"] == old[1]
    assert (await harness.contact(person.user_id) or {})["email"] == new[1]
    await harness.post("/password-resets", {"email": new[0]})
    assert (await _mail(harness, person, "reset_password"))["email"] == new[1]
    assert not await harness.rows(
        "SELECT 1 FROM users WHERE user_id = :id AND pending_ascii_email IS NOT NULL",
        id=person.user_id,
    )


async def test_a_link_proves_the_address_it_was_mailed_to_and_no_other(
    harness: AuthHarness,
) -> None:
    """Of two spellings of one account's address the mail server may make two people's."""
    person = await _registered(harness, new_email())
    first = f"A{new_email()}"
    second = first.lower()
    await person.request_email_change(first)
    token = (await _mail(harness, person, "confirm_new_email"))["token"]
    harness.clock.advance(seconds=1)
    await person.request_email_change(second)
    assert is_problem(await harness.confirm(str(token)), 422, "link_invalid")
    token = (await _mail(harness, person, "confirm_new_email"))["token"]
    assert (await harness.confirm(str(token))).status_code == 200
    assert (await harness.contact(person.user_id) or {})["email"] == second


async def test_a_wish_taken_back_leaves_nothing_behind(harness: AuthHarness) -> None:
    person = await _registered(harness, new_email())
    await person.request_email_change("Somebody.Else@straße.example")
    await person.request_email_change(person.email)
    [kept] = await harness.rows(
        "SELECT u::text FROM users u WHERE user_id = :id", id=person.user_id
    )
    assert "straße" not in kept[0].lower()
    assert "xn--" not in kept[0].lower()


async def test_mails_of_an_owner_go_to_the_owners_address_whoever_typed_it(
    harness: AuthHarness,
) -> None:
    """Also those that another account causes by wishing for it."""
    name, _, _ = new_email().partition("@")
    owner = await _registered(harness, f"{name.capitalize()}@straße.example")
    other = await _registered(harness, new_email())
    await other.request_email_change(f"{name}@XN--STRAE-OQA.example")
    told = await _mail(harness, owner, "already_registered")
    assert told["email"] == f"{name.capitalize()}@xn--strae-oqa.example"


async def test_domains_that_differ_in_one_sharp_s_are_two_accounts(harness: AuthHarness) -> None:
    name, _, _ = new_email().partition("@")
    sharp = await _registered(harness, f"{name}@maße.example")
    plain = await _registered(harness, f"{name}@masse.example")
    assert sharp.user_id != plain.user_id
    await harness.post("/password-resets", {"email": f"{name}@xn--mae-6ka.example"})
    assert (await _mail(harness, sharp, "reset_password"))["email"] == f"{name}@xn--mae-6ka.example"
    assert not await harness.rows(
        "SELECT 1 FROM mail_requests WHERE user_id = :id AND kind = 'reset_password'",
        id=plain.user_id,
    )


async def test_people_take_along_where_their_mail_goes(harness: AuthHarness) -> None:
    name, _, _ = new_email().partition("@")
    person = await _registered(harness, f"Ada.{name}@straße.example")
    await person.request_email_change(f"Bob.{name}@faß.example")
    export = await person.get("/me/export")
    assert export["delivery"] == {
        "ascii_email": f"Ada.{name}@xn--strae-oqa.example",
        "pending_ascii_email": f"Bob.{name}@xn--fa-hia.example",
    }
    assert [mail["ascii_email"] for mail in export["mails"]] == [
        f"Ada.{name}@xn--strae-oqa.example"
    ]


async def test_nothing_is_left_of_either_spelling_after_an_erasure(harness: AuthHarness) -> None:
    name, _, _ = new_email().partition("@")
    person = await _registered(harness, f"Ada.{name}@straße.example")
    await person.request_email_change(f"Bob.{name}@faß.example")
    assert f"Bob.{name}" in await harness.all_rows()
    answer = await person.request("POST", "/me/erasure", {"password": PASSWORD})
    assert answer.status_code == 204
    assert name not in await harness.all_rows()
