"""Invariants: one mail a check, to the right person, and marked truthfully."""

from collections import Counter

from shared.ids import derived_id
from tests.faults.mail_server import Accepted
from tests.faults.snapshot import Rows, Snapshot

UNDER_WAY = 5.0  # seconds for which the conversation about a mail may outlive an erasure
MOST_COPIES = 2


def each_check_has_one_mail(s: Snapshot) -> list[str]:
    """Each result has one row in the notifier's `mails`."""
    rows = Counter(row["check_id"] for row in s.mail_rows if row["check_id"] is not None)
    checks = {event["data"]["check_id"] for event in s.events["checker"]}
    wrong = [f"check {check} has {rows[check]} mails" for check in checks if rows[check] != 1]
    return wrong + [f"a mail is about {check}, which is no check" for check in rows.keys() - checks]


def each_mail_has_its_end(s: Snapshot) -> list[str]:
    """Each mail is sent, or truthfully not: suppressed for who is gone, failed for good."""
    ends = {"sent", "failed"}
    return [
        f"mail {row['mail_id']} is {row['state']} after {row['attempts']} attempts"
        for row in s.mail_rows
        if row["state"] not in ends
        and not (row["state"] == "suppressed" and (row["user_id"] in s.erased or row["request_id"]))
        and not (row["state"] == "held" and row["user_id"] not in _confirmed(s))
    ]


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

    But those of people who are gone, and those with a link that was used before the second try: the
    first one is marked as failed, after the whole mail was sent.
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
    addresses = {user["user_id"]: user["email"] for user in s.users}
    addresses |= {user_id: address for user_id, (address, _) in s.erased.items()}
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
    """The first parts of the Message-IDs of account mails that failed and then had no reader."""
    failed = {e["data"]["mail_id"] for e in s.events["notifier"] if e["type"] == "EmailFailed"}
    return {
        str(derived_id(row["kind"], row["mail_id"]))
        for row in s.mail_rows
        if row["state"] == "suppressed" and row["request_id"] and row["mail_id"] in failed
    }


def _confirmed(s: Snapshot) -> set[str]:
    return {user["user_id"] for user in s.users if user["email_confirmed_at"] is not None}
