"""Invariants: one mail a check, to the right person, and marked truthfully."""

from collections import Counter

from shared.ids import derived_id
from tests.faults.database import Row
from tests.faults.mail_server import Accepted
from tests.faults.snapshot import Rows, Snapshot

UNDER_WAY = 5.0  # seconds for which the conversation about a mail may outlive an erasure
MOST_COPIES = 2
ENDS = {"EmailSent": "sent", "EmailFailed": "failed", "EmailSuppressed": "suppressed"}
UNCERTAIN = "after the whole mail was sent"  # the end of a reason: the server may have the mail


def each_check_has_one_mail(s: Snapshot) -> list[str]:
    """Each result has one row in the notifier's `mails`."""
    rows = Counter(row["check_id"] for row in s.mail_rows if row["check_id"] is not None)
    checks = {event["data"]["check_id"] for event in s.events["checker"]}
    wrong = [f"check {check} has {rows[check]} mails" for check in checks if rows[check] != 1]
    return wrong + [f"a mail is about {check}, which is no check" for check in rows.keys() - checks]


def each_mail_has_its_end(s: Snapshot) -> list[str]:
    """Each mail is sent, or truthfully not.

    Suppressed only for who is gone, or has no use for the link in it any more; held only from who
    has not confirmed; failed for good only as often as the server has refused the address.
    """
    failed = Counter(_addresses(s).get(r["user_id"]) for r in s.mail_rows if r["state"] == "failed")
    refused = Counter(s.refused)
    wrong = [
        f"mail {row['mail_id']} is {row['state']} after {row['attempts']} attempts"
        for row in s.mail_rows
        if row["state"] not in ("sent", "failed")
        and not (row["state"] == "suppressed" and _is_unwanted(row, s))
        and not (row["state"] == "held" and row["user_id"] not in _confirmed(s))
    ]
    return wrong + [
        f"{times} mails to {address} failed for good, which the server refused"
        f" {refused[address or '']} times"
        for address, times in failed.items()
        if times > refused[address or ""]
    ]


def rows_say_what_events_tell(s: Snapshot) -> list[str]:
    """A row is sent, failed or suppressed exactly where the mail's last event says so."""
    told = {e["data"]["mail_id"]: end for e in s.events["notifier"] if (end := _end(e))}
    rows = {row["mail_id"]: row["state"] for row in s.mail_rows}
    wrong = [
        f"mail {mail_id} is {state}, its events say {told.get(mail_id, 'nothing of an end')}"
        for mail_id, state in rows.items()
        if told.get(mail_id) != (state if state in ENDS.values() else None)
    ]
    return wrong + [f"mail {mail_id} has no row" for mail_id in sorted(told.keys() - rows.keys())]


def sent_was_accepted(s: Snapshot) -> list[str]:
    """The mail server has every mail that is marked as sent."""
    accepted = {mail.message_id.strip("<>") for mail in s.mails}
    return [
        f"mail {data['mail_id']} is marked as sent, but the server has no {data['message_id']}"
        for data in _sent(s)
        if data["message_id"].strip("<>") not in accepted
    ]


def accepted_is_marked_sent(s: Snapshot) -> list[str]:
    """Every mail that the server has is marked as sent.

    But those of people who are gone, and those with a link that was used before the second try:
    the first one is marked as failed after the whole mail was sent, or its sender died.
    """
    marked = {data["message_id"].strip("<>") for data in _sent(s)}
    superseded = _superseded(s)
    gone = {address for address, _ in s.erased.values()}
    return [
        f"the server has {mail.message_id} ({mail.subject}), which nothing marks as sent"
        for mail in s.mails
        if mail.message_id.strip("<>") not in marked
        and mail.message_id.strip("<>").partition("@")[0] not in superseded
        and mail.to not in gone
    ]


def copies_are_marked(s: Snapshot) -> list[str]:
    """A mail came twice only where it was tried twice, and never more often."""
    tried = _attempts(s)
    wrong = []
    for message_id, copies in _copies(s).items():
        attempts = tried.get(message_id, 0)
        if len(copies) > max(1, min(attempts, MOST_COPIES)):
            wrong.append(
                f"{message_id} ({copies[0].subject}) came {len(copies)} times,"
                f" {attempts} attempts are marked"
            )
    return wrong


def mails_reach_their_owner(s: Snapshot) -> list[str]:
    """The result of a check goes to the owner of the file, and to nobody else."""
    addresses = _addresses(s)
    owner = {data["message_id"].strip("<>"): data["user_id"] for data in _sent(s)}
    return [
        f"{mail.message_id} ({mail.subject}) went to {mail.to}"
        for mail in s.mails
        if (user_id := owner.get(mail.message_id.strip("<>")))
        and addresses.get(user_id, mail.to) != mail.to
    ]


def nothing_goes_to_the_erased(s: Snapshot) -> list[str]:
    """Who is erased gets no mail any more."""
    left = {address: at for address, at in s.erased.values() if at}
    return [
        f"{mail.subject} went to {mail.to} {mail.at - left[mail.to]:.1f} s after the erasure"
        for mail in s.mails
        if mail.to in left and mail.at > left[mail.to] + UNDER_WAY
    ]


def copies(s: Snapshot, since: float) -> tuple[int, int]:
    """How many mails came once more since then: those whose attempts tell of it, and the others."""
    tried = _attempts(s)
    more = [m for m, found in _copies(s).items() if len(found) > 1 and found[-1].at >= since]
    marked = sum(tried.get(message_id, 0) > 1 for message_id in more)
    return marked, len(more) - marked


def _copies(s: Snapshot) -> dict[str, list[Accepted]]:
    found: dict[str, list[Accepted]] = {}
    for mail in s.mails:
        found.setdefault(mail.message_id.strip("<>"), []).append(mail)
    return found


def _attempts(s: Snapshot) -> dict[str, int]:
    return {data["message_id"].strip("<>"): data["attempts"] for data in _sent(s)}


def _sent(s: Snapshot) -> Rows:
    return [event["data"] for event in s.events["notifier"] if event["type"] == "EmailSent"]


def _superseded(s: Snapshot) -> set[str]:
    """The first parts of the Message-IDs of account mails that may have come, unbeknown to us.

    Their links were used before the second try, so that there was none.
    """
    uncertain = {
        event["data"]["mail_id"]
        for event in s.events["notifier"]
        if event["type"] == "EmailFailed" and event["data"]["reason"].endswith(UNCERTAIN)
    }
    return {
        str(derived_id(row["kind"], row["mail_id"]))
        for row in s.mail_rows
        if row["state"] == "suppressed"
        and row["request_id"]
        and (row["mail_id"] in uncertain or row["deaths"])
    }


def _is_unwanted(row: Row, s: Snapshot) -> bool:
    """Of somebody who is gone; or a link's that was used, or has a later one in its place."""
    if row["user_id"] in s.erased:
        return True
    return row["request_id"] is not None and (
        row["user_id"] in _confirmed(s)
        or any(
            (later["user_id"], later["kind"]) == (row["user_id"], row["kind"])
            and later["queued_at"] > row["queued_at"]
            for later in s.mail_rows
        )
    )


def _end(event: Row) -> str | None:
    """The state that the row of a mail has after this; None while more is to come."""
    if event["type"] == "EmailFailed" and event["data"]["next_attempt_at"] is not None:
        return None
    return ENDS.get(event["type"])


def _addresses(s: Snapshot) -> dict[str, str]:
    addresses = {user["user_id"]: user["email"] for user in s.users}
    return addresses | {user_id: address for user_id, (address, _) in s.erased.items()}


def _confirmed(s: Snapshot) -> set[str]:
    return {user["user_id"] for user in s.users if user["email_confirmed_at"] is not None}
