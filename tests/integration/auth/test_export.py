"""The export of a person's data."""

from tests.integration.auth.harness import (
    AuthHarness,
    new_email,
)


async def test_people_take_their_data_with_them(harness: AuthHarness) -> None:
    person = await harness.new_person()
    ended = await harness.log_in(person.email)
    await ended.request("DELETE", "/sessions/current")
    await person.request("POST", "/tokens", {"name": "ci", "scopes": ["account"]})
    await harness.rows("UPDATE api_tokens SET expires_at = now() - interval '1 day' RETURNING 1")
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
    assert (await person.security_log_kinds())[-1] == "exported"
    assert "hash" not in str(export)


async def test_no_export_shows_whether_a_wished_address_has_an_account(
    harness: AuthHarness,
) -> None:
    ann, bob, cat, free = *[await harness.new_person() for _ in range(3)], new_email()
    await ann.request_email_change(bob.email)
    await cat.request_email_change(free)
    exports = [(await person.get("/me/export"))["mails"] for person in (ann, cat)]
    assert [[mail["kind"] for mail in mails] for mails in exports] == [["confirm_email"]] * 2
    await harness.confirm((await harness.mail(free, "confirm_new_email"))["token"])
    mails = (await cat.get("/me/export"))["mails"]
    assert [mail["email"] for mail in mails if mail["kind"] == "confirm_new_email"] == [free]
