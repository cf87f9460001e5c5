"""Invariants: nothing waits for ever, nothing is held, nothing is left of who is gone."""

import re
from collections import Counter

from tests.faults.snapshot import Snapshot

MOST_CONNECTIONS = 40  # of one role at rest: two copies with a pool of 15, and their loops
LONGEST_REST = 60.0  # seconds
IDLE = 5.0  # seconds of a transaction in which nothing is asked
_DEAD = re.compile(r".*\.dead")
FEED = "events.feed"  # a stream keeps what was read


def all_comes_to_rest(s: Snapshot) -> list[str]:
    """Everything is done within a minute."""
    if s.unrest:
        return [f"after {s.rested_after:.0f} s there are {s.unrest}"]
    too_late = s.rested_after > LONGEST_REST
    return [f"all was done only after {s.rested_after:.0f} s"] if too_late else []


def queues_are_empty(s: Snapshot) -> list[str]:
    """No queue but those of dead letters has a message, waiting or given out."""
    return [
        f"{queue} has {messages} messages"
        for queue, messages in s.queues.items()
        if messages and queue != FEED and not _DEAD.fullmatch(queue)
    ]


def dead_letters_are_the_poison(s: Snapshot) -> list[str]:
    """The dead letters are those that we have made undeliverable."""
    return [
        f"{letter['service']} has buried {letter['message_id']} ({letter['reason']}):"
        f" {letter['body']}"
        for letter in s.dead
        if letter["message_id"] not in s.injected
    ]


def poison_is_a_dead_letter(s: Snapshot) -> list[str]:
    """Poison has ended among the dead letters."""
    buried = {letter["message_id"] for letter in s.dead}
    return [f"the poison {one} is no dead letter" for one in sorted(s.injected - buried)]


def nothing_is_claimed(s: Snapshot) -> list[str]:
    """At rest nobody holds a version to check, and no mail is being sent."""
    held = [
        f"version {row['version']} of {row['file_id']} is claimed"
        for row in s.versions
        if not row["deleted"] and (row["claimed_until"] or row["claimed_by"]) is not None
    ]
    return held + [
        f"mail {row['mail_id']} is {row['state']}, claimed by {row['claimed_by']}"
        for row in s.mail_rows
        if row["state"] == "sending" or row["claimed_by"] is not None
    ]


def no_transaction_is_left_open(s: Snapshot) -> list[str]:
    """No connection is idle in a transaction."""
    return [
        f"{row['usename']} is {row['state']} for {row['seconds']:.0f} s after {row['query'][:80]}"
        for row in s.activity[-1]
        if str(row["state"]).startswith("idle in transaction") and (row["seconds"] or 0) > IDLE
    ]


def connections_are_bounded(s: Snapshot) -> list[str]:
    """At rest no role's connections grow in number, or are many."""
    first, last = (
        Counter(row["usename"] for row in look) for look in (s.activity[0], s.activity[-1])
    )
    return [
        f"{role} has {count} connections, after {first[role]} some seconds before"
        for role, count in last.items()
        if count > MOST_CONNECTIONS or count > first[role] + 3
    ]


def the_erased_leave_no_trace(s: Snapshot) -> list[str]:
    """In no table is a word that only somebody who is erased has used."""
    return [f"{table} still tells of {who}" for who, table in sorted(set(s.traces))]


def contents_of_the_erased_are_gone(s: Snapshot) -> list[str]:
    """The bytes of who is erased are kept nowhere."""
    return [
        f"the contents {event['data']['sha256'][:12]} of {event['data']['user_id']} are kept"
        for event in s.events["files"]
        if "sha256" in event["data"]
        and event["data"]["user_id"] in s.erased
        and event["data"]["sha256"] in s.contents
    ]
