# ruff: noqa: E501 - each way to break something on a line of its own
"""Every invariant turns red when what it guards is broken on purpose."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.ids import derived_id
from tests.faults import of_requests
from tests.faults.healthy import (
    ANN,
    CHECK,
    FILE,
    LEA,
    LOST,
    MAIL,
    MESSAGE,
    NOON,
    SHA,
    event,
    healthy,
)
from tests.faults.invariants import INVARIANTS, violations
from tests.faults.ledger import Request
from tests.faults.snapshot import Snapshot

Break = Callable[[Snapshot], object]


def _again(s: Snapshot, mail: int = 0, **changes: object) -> None:
    s.mails.append(replace(s.mails[mail], **changes))  # type: ignore[arg-type]


def _three_copies(s: Snapshot) -> None:
    s.events["notifier"][1]["data"]["attempts"] = 3
    _again(s)
    _again(s)


def _save_again(s: Snapshot) -> None:
    data = dict(s.events["files"][0]["data"], version=2)
    s.events["files"].append(event(4, "f1", 2, "FileReplaced", **data))


def _end(s: Snapshot, kind: str, **data: object) -> None:
    """The last event of the notifier is another one."""
    told = event(2, "mail-1", 2, kind, mail_id=MAIL, user_id=ANN, **data)
    s.events["notifier"][-1] = s.journal[-1] = told


def _fail(s: Snapshot, reason: str = "recipient refused: 550") -> None:
    s.mails.clear()
    s.mail_rows[0].update(state="failed")
    _end(s, "EmailFailed", reason=reason, next_attempt_at=None)


def _fail_twice_refused_once(s: Snapshot) -> None:
    _fail(s)
    s.mail_rows.append({**s.mail_rows[0], "mail_id": "mail-2"})
    s.refused.append("ann@example.org")


def _link(s: Snapshot, mail_id: str = "m2", **columns: object) -> None:
    """A mail with a link to confirm the address, suppressed."""
    about = {"check_id": None, "request_id": mail_id, "kind": "confirm_email", "mail_id": mail_id}
    s.mail_rows.append({**s.mail_rows[0], **about, "state": "suppressed", **columns})
    told = event(len(s.events["notifier"]) + 1, mail_id, 1, "EmailSuppressed", mail_id=mail_id)
    s.events["notifier"].append(told)
    s.journal.append(told)
    s.checkpoints["notifier"] = told["position"]
    s.inboxes["reports"].add(told["event_id"])


def _suppress_for_the_unconfirmed(s: Snapshot) -> None:
    s.users[0].update(email_confirmed_at=None)
    _link(s)


def _suppress_the_last_link(s: Snapshot) -> None:
    _suppress_for_the_unconfirmed(s)
    _link(s, "m3", queued_at="later")


def _came_unnoticed(s: Snapshot) -> None:
    """The server has the mail with the link."""
    _again(s, message_id=f"<{derived_id('confirm_email', 'm2')}@localhost>")


def _uncertain(s: Snapshot, reason: str) -> None:
    """The first try to send the link failed; the second one had no reader."""
    told = event(3, "m2", 1, "EmailFailed", mail_id="m2", reason=reason, next_attempt_at="later")
    s.events["notifier"].insert(2, told)
    s.journal.append(told)
    s.inboxes["reports"].add(told["event_id"])
    s.events["notifier"][-1].update(position=4, version=2, event_id="m2/2")
    s.checkpoints["notifier"] = 4
    s.inboxes["reports"].add("m2/2")


def _refused_and_yet_there(s: Snapshot) -> None:
    _link(s)
    _came_unnoticed(s)
    _uncertain(s, "mail refused: 451")


def _ask(s: Snapshot, **facts: object) -> None:
    s.requests.append(Request("ann", **facts))  # type: ignore[arg-type]


BREAKS: list[tuple[str, str, Break]] = [
    ("done_exists_once", "an upload is lost", lambda s: s.events["files"].pop(0)),
    ("done_exists_once", "an upload is there twice", _save_again),
    ("done_exists_once", "under another version", lambda s: s.events["files"][0]["data"].update(version=7)),
    ("registered_have_an_account", "none", lambda s: s.users.clear()),
    ("who_is_erased_was_told", "a 503 erases", lambda s: setattr(s.requests[-1], "outcome", "unavailable")),
    ("refused_never_exists", "a 409 is there", lambda s: _ask(s, what="upload", sha256=SHA, outcome="refused", status=409)),
    ("refused_never_exists", "a 503 is there", lambda s: _ask(s, what="upload", sha256=SHA, outcome="unavailable", status=503)),
    ("refused_never_exists", "a 503 has an account", lambda s: _ask(s, what="register", name="ann@example.org", outcome="unavailable", status=503)),
    ("unknown_happens_at_most_once", "twice", _save_again),
    ("unknown_happens_at_most_once", "nobody sent it", lambda s: s.requests.pop(1)),
    ("deletions_and_restorations_are_counted", "a deletion is lost", lambda s: _ask(s, what="delete", outcome="done", status=204, file_id=FILE)),
    ("deletions_and_restorations_are_counted", "a 503 deletes", lambda s: s.events["files"].append(event(4, "f3", 1, "FileDeleted", file_id="file-2", user_id=ANN))),
    ("lists_tell_the_last_state", "not listed", lambda s: s.listed.clear()),
    ("lists_tell_the_last_state", "listed as deleted", lambda s: s.listed[FILE].update(mark="deleted")),
    ("lists_tell_the_last_state", "an older version", lambda s: s.listed[FILE].update(sha256=LOST)),
    ("bytes_come_back", "other bytes", lambda s: s.downloads.update({SHA: LOST})),
    ("bytes_come_back", "no bytes", lambda s: s.downloads.update({SHA: "nothing"})),
    ("answers_are_clear", "a 500", lambda s: _ask(s, what="upload", sha256="d", status=500)),
    ("streams_have_no_holes", "a hole", lambda s: s.events["auth"].pop(1)),
    ("streams_have_no_holes", "a version twice", lambda s: s.events["auth"].append(dict(s.events["auth"][0]))),
    ("journal_has_each_event_once", "one is missing", lambda s: s.journal.pop()),
    ("journal_has_each_event_once", "one is there twice", lambda s: s.journal.append(s.journal[0])),
    ("journal_has_each_event_once", "nobody told it", lambda s: s.journal.append(event(9, "x", 1, "FileUploaded"))),
    ("journal_says_what_was_told", "other words", lambda s: s.journal[0].update(data={})),
    ("consumers_have_had_all", "one was not handled", lambda s: s.inboxes["checker"].pop()),
    ("relays_are_at_their_end", "behind", lambda s: s.checkpoints.update(files=1)),
    ("nothing_is_set_aside", "one set aside", lambda s: s.set_aside.update(files=1)),
    ("each_version_has_one_result", "none", lambda s: s.events["checker"].clear()),
    ("each_version_has_one_result", "two", lambda s: s.events["checker"].append(event(2, "checks-1", 2, "FileChecked", file_id=FILE, version=1, check_id="c2"))),
    ("each_version_has_one_result", "of nothing", lambda s: s.events["checker"].append(event(2, "checks-1", 2, "FileChecked", file_id=FILE, version=9, check_id="c2"))),
    ("read_tables_are_as_rebuilt", "a row too many", lambda s: s.rebuilt["reports.files"].clear()),
    ("read_tables_are_as_rebuilt", "another value", lambda s: s.serving["reports.files"][0].update(version=2)),
    ("each_check_has_one_mail", "none", lambda s: s.mail_rows.clear()),
    ("each_check_has_one_mail", "two", lambda s: s.mail_rows.append(dict(s.mail_rows[0]))),
    ("each_check_has_one_mail", "about no check", lambda s: s.mail_rows[0].update(check_id="other")),
    ("each_mail_has_its_end", "waits", lambda s: s.mail_rows[0].update(state="queued")),
    ("each_mail_has_its_end", "suppressed for who is there", lambda s: s.mail_rows[0].update(state="suppressed")),
    ("each_mail_has_its_end", "held from the confirmed", lambda s: s.mail_rows[0].update(state="held")),
    ("each_mail_has_its_end", "failed, and nobody refused", lambda s: s.mail_rows[0].update(state="failed")),
    ("each_mail_has_its_end", "failed twice, and was refused once", _fail_twice_refused_once),
    ("each_mail_has_its_end", "a link suppressed for who has not confirmed", _suppress_for_the_unconfirmed),
    ("each_mail_has_its_end", "the last link suppressed, not the first", _suppress_the_last_link),
    ("rows_say_what_events_tell", "sent without event", lambda s: s.events["notifier"].pop()),
    ("rows_say_what_events_tell", "an event, and not sent", lambda s: s.mail_rows[0].update(state="queued")),
    ("rows_say_what_events_tell", "failed without event", lambda s: s.mail_rows[0].update(state="failed")),
    ("rows_say_what_events_tell", "an event without row", lambda s: s.mail_rows.clear()),
    ("sent_was_accepted", "the server has none", lambda s: s.mails.clear()),
    ("accepted_is_marked_sent", "not marked", lambda s: s.events["notifier"].pop()),
    ("accepted_is_marked_sent", "a try that failed before the whole mail was sent", _refused_and_yet_there),
    ("copies_are_marked", "two after one attempt", _again),
    ("copies_are_marked", "three", _three_copies),
    ("mails_reach_their_owner", "to somebody else", lambda s: _again(s, to="lea@example.org")),
    ("nothing_goes_to_the_erased", "a mail afterwards", lambda s: _again(s, to="lea@example.org", at=NOON + 60)),
    ("all_comes_to_rest", "never", lambda s: setattr(s, "unrest", "3 mails to send")),
    ("all_comes_to_rest", "too late", lambda s: setattr(s, "rested_after", 61.0)),
    ("queues_are_empty", "a message", lambda s: s.queues.update(reports=1)),
    ("dead_letters_are_the_poison", "one of ours", lambda s: s.dead.append({"service": "files", "message_id": "m", "reason": "", "body": ""})),
    ("poison_is_a_dead_letter", "poison has vanished", lambda s: s.injected.add("p")),
    ("nothing_is_claimed", "a version", lambda s: s.versions[0].update(claimed_until="later")),
    ("nothing_is_claimed", "a mail", lambda s: s.mail_rows[0].update(state="sending")),
    ("nothing_is_claimed", "by a copy", lambda s: s.mail_rows[0].update(claimed_by=7)),
    ("no_transaction_is_left_open", "one is", lambda s: s.activity[-1][0].update(state="idle in transaction", seconds=30.0)),
    ("connections_are_bounded", "they grow", lambda s: s.activity[-1].extend(s.activity[-1] * 8)),
    ("the_erased_leave_no_trace", "a trace", lambda s: s.traces.append(("lea", "files.events"))),
    ("contents_of_the_erased_are_gone", "kept", lambda s: s.contents.add(LOST)),
]  # fmt: skip


def test_a_healthy_product_breaks_nothing() -> None:
    assert violations(healthy()) == {}


@pytest.mark.parametrize(
    ("name", "do"), [(name, do) for name, _, do in BREAKS], ids=[f"{n}: {w}" for n, w, _ in BREAKS]
)
def test_what_is_broken_is_found(name: str, do: Break) -> None:
    snapshot = healthy()
    do(snapshot)
    assert violations(snapshot).get(name), f"{name} did not see it"


def test_every_invariant_is_broken_here() -> None:
    assert {invariant.__name__ for invariant in INVARIANTS} == {name for name, _, _ in BREAKS}


def test_a_second_attempt_may_leave_one_copy_more() -> None:
    snapshot = healthy()
    snapshot.events["notifier"][1]["data"]["attempts"] = 2
    _again(snapshot)
    assert violations(snapshot) == {}
    assert MESSAGE in snapshot.mails[1].message_id


def test_who_is_gone_needs_no_result_and_their_mail_no_end() -> None:
    snapshot = healthy()
    _link(snapshot, user_id=LEA)
    assert violations(snapshot) == {}
    assert snapshot.mail_rows[0]["check_id"] == CHECK


def test_a_link_that_was_used_needs_no_second_mail() -> None:
    snapshot = healthy()
    _link(snapshot)
    assert violations(snapshot) == {}
    _came_unnoticed(snapshot)
    assert violations(snapshot).keys() == {"accepted_is_marked_sent"}
    _uncertain(
        snapshot, "the connection to the mail server was lost, after the whole mail was sent"
    )
    assert violations(snapshot) == {}


def test_who_sent_a_link_may_die_before_it_is_noted() -> None:
    snapshot = healthy()
    _link(snapshot, deaths=1)
    _came_unnoticed(snapshot)
    assert violations(snapshot) == {}


def test_an_older_link_may_be_suppressed_for_a_later_one() -> None:
    snapshot = healthy()
    snapshot.users[0].update(email_confirmed_at=None)
    _link(snapshot, queued_at="earlier")
    _link(snapshot, "m3", user_id=LEA)
    snapshot.mail_rows.append(
        {**snapshot.mail_rows[1], "mail_id": "m4", "state": "held", "queued_at": "later"}
    )
    assert violations(snapshot) == {}


def test_what_the_server_refuses_may_fail() -> None:
    snapshot = healthy()
    _fail(snapshot)
    assert violations(snapshot).keys() == {"each_mail_has_its_end"}
    snapshot.refused.append("ann@example.org")
    assert violations(snapshot) == {}


def test_an_unclear_answer_excuses_a_file_for_a_short_time_and_is_counted() -> None:
    snapshot = healthy()
    done = next(request for request in snapshot.requests if request.sha256 == SHA)
    late = replace(done, outcome="unknown", what="delete", begun=done.begun - of_requests.LATE + 1)
    snapshot.requests.insert(1, late)
    snapshot.listed[FILE].update(mark="deleted")
    assert "lists_tell_the_last_state" not in violations(snapshot)
    assert of_requests.excused(snapshot) == 1
    late.begun -= 2
    assert "lists_tell_the_last_state" in violations(snapshot)
    assert of_requests.excused(snapshot) == 0
