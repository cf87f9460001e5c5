"""What people change about their account: preferences and the address."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.eventsourcing.projection import take_append_lock
from tests.integration.auth.world import (
    OTHER_PASSWORD,
    PASSWORD,
    Session,
    Variant,
    World,
    address,
    somewhere,
)
from tests.support.apps import as_user, client_of, is_problem


async def _ask_for(person: Session, email: str, password: str = PASSWORD) -> None:
    answer = await person.ask("POST", "/me/email", {"password": password, "email": email})
    told = {"mailed": email != person.email}
    assert (answer.status_code, answer.json()) == (202, told), answer.text


async def test_preferences_change_one_by_one_and_together(world: World) -> None:
    person = await world.person()
    before = await person.get("/me")
    for change in (
        {"theme": "dark"},
        {"time_zone": "America/Argentina/Buenos_Aires"},
        {"language": "en", "mail_on_new_device": False},
        {},
    ):
        answer = await person.ask("PATCH", "/me", change)
        assert answer.status_code == 200
        before |= change
        assert answer.json() == before == await person.get("/me")
    again = await world.log_in(person.email)
    assert again.tokens["preferences"] == {
        "language": "en",
        "time_zone": "America/Argentina/Buenos_Aires",
        "theme": "dark",
    }


async def test_the_world_hears_of_another_language_once(world: World) -> None:
    person = await world.person()
    for language in ("ru", "en", "en"):
        await person.ask("PATCH", "/me", {"language": language})
    kinds = [kind for _, kind in await world.events(person.user_id)]
    assert kinds.count("LanguageChanged") == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"language": "de"}, "invalid"),
        ({"language": None}, "invalid"),
        ({"theme": "pink"}, "invalid"),
        ({"time_zone": "Mars/Olympus"}, "time_zone_unknown"),
        ({"time_zone": "../../etc/passwd"}, "time_zone_unknown"),
        ({"time_zone": "\0"}, "time_zone_unknown"),
        ({"time_zone": "utc\n"}, "time_zone_unknown"),
        ({"time_zone": "x" * 101}, "invalid"),
        ({"mail_on_new_device": "yes"}, "invalid"),
        ({"mail_on_new_device": 1}, "invalid"),
        ({"email": "x@example.org"}, "invalid"),
        ({"is_admin": True}, "invalid"),
        ({"email_confirmed": True}, "invalid"),
    ],
    ids=repr,
)
async def test_wrong_preferences_are_refused(
    world: World, change: dict[str, object], code: str
) -> None:
    person = await world.person()
    assert is_problem(await person.ask("PATCH", "/me", change), 422, code)


async def test_a_person_who_is_gone_is_not_found(world: World) -> None:
    async with client_of(world.app, headers=as_user(world.keys, uuid4())) as client:
        assert is_problem(await client.get("/internal/me"), 404, "not_found")


async def test_an_address_changes_once_the_new_one_is_confirmed(world: World) -> None:
    person = await world.person()
    await world.confirm_address(person.email)
    new = address()
    await _ask_for(person, new.upper())
    me = await person.get("/me")
    assert (me["email"], me["pending_email"]) == (person.email, new)
    mail = await world.mail(new, "confirm_new_email")
    answer = await world.confirm(mail["token"])
    assert (answer.status_code, answer.json()) == (
        200,
        {"kind": "confirm_new_email", "session": None},
    )
    me = await person.get("/me")
    assert (me["email"], me["email_confirmed"], me["pending_email"]) == (new, True, None)
    farewell = await world.mail(person.email, "email_changed")
    assert farewell["details"]["new_email"] == new
    assert [kind for _, kind in await world.events(person.user_id)][-2:] == [
        "EmailChanged",
        "AccountMailRequested",
    ]
    assert (await world.try_login(person.email)).status_code == 401
    assert (await world.try_login(new)).status_code == 201
    assert is_problem(await world.confirm(mail["token"]), 422, "link_invalid")
    kinds = await person.log_kinds()
    assert kinds[3:5] == ["email_change_requested", "email_changed"]


async def test_who_mistyped_the_address_confirms_by_changing_it(world: World) -> None:
    """And the stranger who has the mistyped one does not learn the right one."""
    person = await world.person()
    new = address()
    await _ask_for(person, new)
    await world.confirm((await world.mail(new, "confirm_new_email"))["token"])
    assert (await person.get("/me"))["email_confirmed"]
    kinds = [kind for _, kind in await world.events(person.user_id)]
    assert kinds.count("EmailConfirmed") == 1
    assert await world.mail_kinds(person.email) == ["confirm_email"]
    [(_, request_id), *_] = await world.requests(person.email)
    late = await world.as_notifier("POST", f"/account-mails/{request_id}")
    assert is_problem(late, 404, "not_found")


async def test_a_taken_address_gives_the_same_answer_and_its_owner_a_mail(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    await _ask_for(ann, bob.email)
    assert (await ann.get("/me"))["pending_email"] == bob.email
    assert await world.mail_kinds(bob.email) == ["confirm_email", "already_registered"]
    await ann.ask("POST", "/confirmations/again")
    assert "confirm_new_email" not in await world.mail_kinds(bob.email)


async def test_many_accounts_together_write_no_more_to_one_address(world: World) -> None:
    wanted = address()
    for _ in range(7):
        await _ask_for(await world.person(), wanted)
    assert await world.mail_kinds(wanted) == ["confirm_new_email"] * 5


async def test_asking_again_for_the_address_of_somebody_who_is_being_erased_blocks_nobody(
    world: World,
) -> None:
    """First the rows, then the append lock: in every command."""
    ann, bob = await world.person(), await world.person()
    await _ask_for(ann, bob.email)
    whose = {"user_id": bob.user_id}
    async with world.database.transaction() as erasing:
        await erasing.execute(text("DELETE FROM users WHERE user_id = :user_id"), whose)
        asked = asyncio.create_task(ann.ask("POST", "/confirmations/again"))
        await asyncio.sleep(0.3)
        await take_append_lock(erasing)
    assert (await asked).status_code == 202
    assert await world.mail_kinds(ann.email) == ["confirm_email"] * 2


async def test_an_address_that_was_taken_meanwhile_is_not_confirmed(world: World) -> None:
    ann = await world.person()
    wanted = address()
    await _ask_for(ann, wanted)
    token = (await world.mail(wanted, "confirm_new_email"))["token"]
    await world.register(wanted)
    assert is_problem(await world.confirm(token), 422, "link_invalid")
    assert (await ann.get("/me"))["email"] == ann.email


async def test_of_two_who_want_one_address_one_gets_it(world: World) -> None:
    people, wanted = [await world.person() for _ in range(4)], address()
    for person in people:
        await _ask_for(person, wanted)
    tokens = []
    for _, request_id in await world.requests(wanted):
        answer = await world.as_notifier("POST", f"/account-mails/{request_id}")
        tokens.append(answer.json()["token"])
    answers = await asyncio.gather(*(world.confirm(token) for token in tokens))
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422]


async def test_people_who_want_each_others_address_do_not_block_each_other(world: World) -> None:
    ann, bob = await world.person(), await world.person()
    await asyncio.gather(*(_ask_for(*pair) for pair in ((ann, bob.email), (bob, ann.email)) * 3))


async def test_only_the_last_wish_counts_and_it_can_be_taken_back(world: World) -> None:
    person = await world.person()
    first, second = address(), address()
    await _ask_for(person, first)
    token = (await world.mail(first, "confirm_new_email"))["token"]
    await _ask_for(person, second)
    assert is_problem(await world.confirm(token), 422, "link_invalid")
    token = (await world.mail(second, "confirm_new_email"))["token"]
    await _ask_for(person, person.email)
    assert (await person.get("/me"))["pending_email"] is None
    assert is_problem(await world.confirm(token), 422, "link_invalid")


async def test_the_mail_to_the_new_address_may_be_asked_for_again(world: World) -> None:
    person = await world.person()
    await world.confirm_address(person.email)
    new = address()
    await _ask_for(person, new)
    assert (await person.ask("POST", "/confirmations/again")).status_code == 202
    assert await world.mail_kinds(new) == ["confirm_new_email"] * 2


@pytest.mark.parametrize("email", ["", "a@b", "a@example.org\r\nBcc: x@y.z", "a,b@example.org"])
async def test_what_is_no_address_is_refused(world: World, email: str) -> None:
    person = await world.person()
    answer = await person.ask("POST", "/me/email", {"password": PASSWORD, "email": email})
    assert is_problem(answer, 422, "email_invalid")


async def test_a_wrong_password_changes_nothing_and_may_not_be_guessed(world: World) -> None:
    person = await world.person()
    wrong = {"password": OTHER_PASSWORD, "email": address()}
    for _ in range(10):
        answer = await person.ask("POST", "/me/email", wrong)
        assert is_problem(answer, 422, "wrong_password")
    for path, body in (
        ("/me/email", wrong | {"password": PASSWORD}),
        ("/me/erasure", {"password": PASSWORD}),
        ("/me/password", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}),
    ):
        answer = await person.ask("POST", path, body)
        assert is_problem(answer, 429, "too_many_attempts")
    assert (await person.get("/me"))["pending_email"] is None
    world.clock.let_pass(minutes=15, seconds=1)
    await _ask_for(person, address())


async def test_nobody_writes_to_the_whole_world_through_us(world: World) -> None:
    person = await world.person()
    for _ in range(10):
        await _ask_for(person, address())
    eleventh = {"password": PASSWORD, "email": address()}
    assert is_problem(await person.ask("POST", "/me/email", eleventh), 429, "too_many_attempts")


async def test_the_log_of_security_is_read_page_by_page(world: World) -> None:
    person = await world.person()
    for _ in range(6):
        await world.log_in(person.email, client=somewhere())
    everything = (await person.get("/me/security-log?limit=100"))["entries"]
    assert len(everything) == 8
    pages, cursor = [], ""
    while True:
        page = await person.get(f"/me/security-log?limit=3{cursor}")
        pages += page["entries"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert pages == everything
    assert (await (await world.person()).log_kinds()) == ["registered", "signed_in"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=101",
        "limit=x",
        "limit=1e400",
        "limit=NaN",
        "cursor=",
        "cursor=x",
        "cursor=-1",
        "cursor=0",
        "cursor=1_000",
        "cursor=%00",
        "cursor=9223372036854775808",
        "cursor=10000000000000000000000",
        "cursor=%D9%A1",
    ],
)
async def test_cursors_and_limits_made_of_garbage_are_refused(world: World, query: str) -> None:
    person = await world.person()
    answer = await person.ask("GET", f"/me/security-log?{query}")
    assert is_problem(answer, 422, "invalid")


async def test_people_take_their_data_with_them(world: World) -> None:
    person = await world.person()
    ended = await world.log_in(person.email)
    await ended.ask("DELETE", "/sessions/current")
    await person.ask("POST", "/tokens", {"name": "ci", "scopes": ["account"]})
    await world.rows("UPDATE api_tokens SET expires_at = now() - interval '1 day' RETURNING 1")
    export = await person.get("/me/export")
    off = {"enabled_at": None, "recovery_codes_left": 0}
    assert export["account"] == await person.get("/me") | {"second_factor": off}
    sessions = {one["id"]: one["ended_at"] for one in export["sessions"]}
    assert sessions.keys() == {person.session_id, ended.session_id}
    assert (sessions[person.session_id], bool(sessions[ended.session_id])) == (None, True)
    assert [one["name"] for one in export["tokens"]] == ["ci"]
    [device] = export["devices"]
    assert device.keys() == {"first_seen_at", "last_seen_at"}
    [mail] = export["mails"]
    assert (mail["kind"], mail["email"]) == ("confirm_email", person.email)
    assert (await person.log_kinds())[-1] == "exported"
    assert "hash" not in str(export)


async def test_no_export_shows_whether_a_wished_address_has_an_account(world: World) -> None:
    ann, bob, cat, free = *[await world.person() for _ in range(3)], address()
    await _ask_for(ann, bob.email)
    await _ask_for(cat, free)
    exports = [(await person.get("/me/export"))["mails"] for person in (ann, cat)]
    assert [[mail["kind"] for mail in mails] for mails in exports] == [["confirm_email"]] * 2
    await world.confirm((await world.mail(free, "confirm_new_email"))["token"])
    mails = (await cat.get("/me/export"))["mails"]
    assert [mail["email"] for mail in mails if mail["kind"] == "confirm_new_email"] == [free]


async def test_what_leaves_a_trace_is_done_so_often_an_hour(
    variant: Variant,
) -> None:
    async with variant(limits={"changes": 3}) as strict:
        person = await strict.person()
        for language in ("en", "ru", "en"):
            assert (await person.ask("PATCH", "/me", {"language": language})).status_code == 200
        for request in (
            ("PATCH", "/me", {"language": "ru"}),
            ("POST", "/tokens", {"name": "ci", "scopes": ["account"]}),
            ("GET", "/me/export"),
        ):
            refused = await person.ask(*request)
            assert is_problem(refused, 429, "too_many_attempts")
            assert refused.json()["params"] == {"minutes": 60}
            assert refused.headers["retry-after"] == "3600"
        strict.clock.let_pass(hours=1)
        assert (await person.ask("PATCH", "/me", {"language": "ru"})).status_code == 200


async def test_ones_own_address_needs_no_mail(world: World) -> None:
    person, other = await world.person(), address()
    for wanted, mailed in ((other, True), (person.email, False)):
        answer = await person.ask("POST", "/me/email", {"password": PASSWORD, "email": wanted})
        assert (answer.status_code, answer.json()) == (202, {"mailed": mailed})
    assert (await person.get("/me"))["pending_email"] is None
    assert await world.mail_kinds(person.email) == ["confirm_email"]
    assert await world.mail_kinds(other) == ["confirm_new_email"]
