"""Mail goes to the address that was typed, its domain in ASCII as IDNA 2008 has it."""

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
    name, _, _ = address().partition("@")
    return typed.format(name), ascii_email.format(name)


async def _registered(world: World, email: str) -> Session:
    assert (await world.register(email)).status_code == 202
    return await world.log_in(email)


async def _mail(world: World, person: Session, kind: str) -> dict[str, object]:
    """The newest mail of a kind that was wished for a person."""
    rows = await world.rows(
        "SELECT request_id FROM mail_requests WHERE user_id = :user_id AND kind = :kind"
        " ORDER BY requested_at DESC, request_id DESC LIMIT 1",
        user_id=person.user_id,
        kind=kind,
    )
    answer = await world.as_notifier("POST", f"/account-mails/{rows[0][0]}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _wish(person: Session, email: str) -> None:
    answer = await person.ask("POST", "/me/email", {"password": PASSWORD, "email": email})
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(("typed", "ascii_email"), TYPED)
async def test_every_mail_of_an_account_goes_there(
    world: World, typed: str, ascii_email: str
) -> None:
    typed, ascii_email = _new(typed, ascii_email)
    person = await _registered(world, typed)
    confirm = await _mail(world, person, "confirm_email")
    assert confirm["email"] == ascii_email
    assert (await world.confirm(str(confirm["token"]))).status_code == 200
    assert (await world.contact(person.user_id) or {})["email"] == ascii_email
    await world.register(typed.lower())
    assert (await _mail(world, person, "already_registered"))["email"] == ascii_email
    await world.log_in(ascii_email.upper(), client=somewhere("a new one"))
    assert (await _mail(world, person, "new_sign_in"))["email"] == ascii_email
    await world.post("/password-resets", {"email": ascii_email.lower()})
    reset = await _mail(world, person, "reset_password")
    assert reset["email"] == ascii_email
    new = {"token": reset["token"], "password": OTHER_PASSWORD, "client": world.client}
    assert (await world.post("/password-resets", new, "PUT")).status_code == 204
    assert (await _mail(world, person, "password_changed"))["email"] == ascii_email


@pytest.mark.parametrize(("typed", "ascii_email"), TYPED)
async def test_a_changed_address_too_and_the_old_one_is_told_where_it_was(
    world: World, typed: str, ascii_email: str
) -> None:
    old, new = _new(typed, ascii_email), _new(typed, ascii_email)
    person = await _registered(world, old[0])
    await world.confirm(str((await _mail(world, person, "confirm_email"))["token"]))
    await _wish(person, new[0])
    assert (await _mail(world, person, "confirm_new_email"))["email"] == new[1]
    world.clock.let_pass(minutes=2)
    assert (await person.ask("POST", "/confirmations/again")).status_code == 202
    again = await _mail(world, person, "confirm_new_email")
    assert again["email"] == new[1]
    assert (await world.confirm(str(again["token"]))).status_code == 200
    assert (await _mail(world, person, "email_changed"))["email"] == old[1]
    assert (await world.contact(person.user_id) or {})["email"] == new[1]
    await world.post("/password-resets", {"email": new[0]})
    assert (await _mail(world, person, "reset_password"))["email"] == new[1]
    assert not await world.rows(
        "SELECT 1 FROM users WHERE user_id = :id AND pending_ascii_email IS NOT NULL",
        id=person.user_id,
    )


async def test_a_link_proves_the_address_it_was_mailed_to_and_no_other(world: World) -> None:
    """Of two spellings of one account's address the mail server may make two people's."""
    person = await _registered(world, address())
    first = f"A{address()}"
    second = first.lower()
    await _wish(person, first)
    token = (await _mail(world, person, "confirm_new_email"))["token"]
    world.clock.let_pass(seconds=1)
    await _wish(person, second)
    assert is_problem(await world.confirm(str(token)), 422, "link_invalid")
    token = (await _mail(world, person, "confirm_new_email"))["token"]
    assert (await world.confirm(str(token))).status_code == 200
    assert (await world.contact(person.user_id) or {})["email"] == second


async def test_a_wish_taken_back_leaves_nothing_behind(world: World) -> None:
    person = await _registered(world, address())
    await _wish(person, "Somebody.Else@straße.example")
    await _wish(person, person.email)
    [kept] = await world.rows("SELECT u::text FROM users u WHERE user_id = :id", id=person.user_id)
    assert "straße" not in kept[0].lower()
    assert "xn--" not in kept[0].lower()


async def test_mails_of_an_owner_go_to_the_owners_address_whoever_typed_it(world: World) -> None:
    """Also those that another account causes by wishing for it."""
    name, _, _ = address().partition("@")
    owner = await _registered(world, f"{name.capitalize()}@straße.example")
    other = await _registered(world, address())
    await _wish(other, f"{name}@XN--STRAE-OQA.example")
    told = await _mail(world, owner, "already_registered")
    assert told["email"] == f"{name.capitalize()}@xn--strae-oqa.example"


async def test_domains_that_differ_in_one_sharp_s_are_two_accounts(world: World) -> None:
    name, _, _ = address().partition("@")
    sharp = await _registered(world, f"{name}@maße.example")
    plain = await _registered(world, f"{name}@masse.example")
    assert sharp.user_id != plain.user_id
    await world.post("/password-resets", {"email": f"{name}@xn--mae-6ka.example"})
    assert (await _mail(world, sharp, "reset_password"))["email"] == f"{name}@xn--mae-6ka.example"
    assert not await world.rows(
        "SELECT 1 FROM mail_requests WHERE user_id = :id AND kind = 'reset_password'",
        id=plain.user_id,
    )


async def test_people_take_along_where_their_mail_goes(world: World) -> None:
    name, _, _ = address().partition("@")
    person = await _registered(world, f"Ada.{name}@straße.example")
    await _wish(person, f"Bob.{name}@faß.example")
    export = await person.get("/me/export")
    assert export["delivery"] == {
        "ascii_email": f"Ada.{name}@xn--strae-oqa.example",
        "pending_ascii_email": f"Bob.{name}@xn--fa-hia.example",
    }
    assert [mail["ascii_email"] for mail in export["mails"]] == [
        f"Ada.{name}@xn--strae-oqa.example"
    ]


async def test_nothing_is_left_of_either_spelling_after_an_erasure(world: World) -> None:
    name, _, _ = address().partition("@")
    person = await _registered(world, f"Ada.{name}@straße.example")
    await _wish(person, f"Bob.{name}@faß.example")
    assert f"Bob.{name}" in await world.everything()
    answer = await person.ask("POST", "/me/erasure", {"password": PASSWORD})
    assert answer.status_code == 204
    assert name not in await world.everything()
