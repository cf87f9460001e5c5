"""A small story as a snapshot in which every invariant holds: the tests break it on purpose."""

from typing import Any

from shared.contracts import CONSUMED, PUBLISHED
from tests.faults.ledger import Request
from tests.faults.mail_server import Accepted
from tests.faults.snapshot import PRODUCERS, Snapshot

ANN, LEA, FILE, GONE, CHECK = "user-ann", "user-lea", "file-1", "file-gone", "check-1"
SHA, LOST = "a" * 64, "b" * 64
MAIL, MESSAGE = "mail-1", "m1@localhost"
NOON = 1_000_000.0


def healthy() -> Snapshot:
    """Ann's file is uploaded, checked and mailed about; Lea has uploaded one and was erased."""
    events = _events()
    return Snapshot(
        requests=_requests(),
        mails=[Accepted(NOON, "ann@example.org", f"<{MESSAGE}>", "main.py", "d1", "", True)],
        events=events,
        checkpoints={name: len(events[name]) for name in PRODUCERS},
        set_aside=dict.fromkeys(PRODUCERS, 0),
        inboxes=_inboxes(events),
        journal=[dict(e) for name in PRODUCERS for e in events[name] if _is_told(name, e)],
        users=[{"user_id": ANN, "email": "ann@example.org", "email_confirmed_at": "noon"}],
        versions=[_version_row()],
        mail_rows=[_mail_row()],
        contents={SHA},
        downloads={SHA: SHA},
        listed={FILE: {"mark": "new", "sha256": SHA, "version": 1}},
        serving={"reports.files": [{"file_id": FILE, "version": 1}]},
        rebuilt={"reports.files": [{"file_id": FILE, "version": 1}]},
        queues={**dict.fromkeys(CONSUMED, 0), "files.dead": 0, "events.feed": 9},
        erased={LEA: ("lea@example.org", NOON)},
        activity=[[_connection()], [_connection()]],
    )


def event(position: int, stream: str, number: int, kind: str, **data: Any) -> dict[str, Any]:
    return {
        "position": position,
        "event_id": f"{stream}/{number}",
        "stream_id": stream,
        "version": number,
        "type": kind,
        "data": data,
    }


def _requests() -> list[Request]:
    of_ann = [
        Request("ann", "register", "ann@example.org", outcome="done", status=202),
        Request("ann", "upload", "main.py", SHA, "done", 201, "", FILE, 1),
        Request("ann", "upload", "main.py", "c" * 64, "refused", 409, "file_name_taken"),
        Request("ann", "delete", "other.py", "", "unavailable", 503, "", "file-2"),
    ]
    of_lea = [
        Request("lea", "upload", "mine.py", LOST, "done", 201, "", GONE, 1),
        Request("lea", "erase", "lea@example.org", outcome="done", status=204),
    ]
    return of_ann + of_lea


def _events() -> dict[str, list[dict[str, Any]]]:
    saved = {"version": 1, "size": 1}
    return {
        "auth": [
            event(1, "user-ann", 1, "UserRegistered", user_id=ANN),
            event(2, "user-lea", 1, "UserRegistered", user_id=LEA),
            event(3, "user-lea", 2, "UserErased", user_id=LEA),
        ],
        "files": [
            event(1, "f1", 1, "FileUploaded", file_id=FILE, user_id=ANN, sha256=SHA, **saved),
            event(2, "f2", 1, "FileUploaded", file_id=GONE, user_id=LEA, sha256=LOST, **saved),
            event(3, "owner-lea", 1, "OwnerErased", user_id=LEA),
        ],
        "checker": [
            event(1, "checks-1", 1, "FileChecked", file_id=FILE, version=1, check_id=CHECK)
        ],
        "notifier": [
            event(1, "mail-1", 1, "EmailQueued", mail_id=MAIL, user_id=ANN),
            event(
                2, "mail-1", 2, "EmailSent",
                mail_id=MAIL, user_id=ANN, message_id=f"<{MESSAGE}>", attempts=1,
            ),
        ],
    }  # fmt: skip


def _inboxes(events: dict[str, list[dict[str, Any]]]) -> dict[str, set[str]]:
    return {
        consumer: {
            one["event_id"]
            for name in PRODUCERS
            for one in events[name]
            if one["type"] in {heard.type_name() for heard in CONSUMED[consumer]}
        }
        for consumer in CONSUMED
    }


def _is_told(producer: str, one: dict[str, Any]) -> bool:
    return one["type"] in {told.type_name() for told in PUBLISHED[producer]}


def _version_row() -> dict[str, Any]:
    free = {"claimed_until": None, "claimed_by": None}
    return {"file_id": FILE, "version": 1, "deleted": False, **free}


def _mail_row() -> dict[str, Any]:
    return {
        "mail_id": MAIL,
        "user_id": ANN,
        "check_id": CHECK,
        "request_id": None,
        "kind": "check_result",
        "state": "sent",
        "claimed_by": None,
        "attempts": 1,
        "deaths": 0,
        "queued_at": "noon",
    }


def _connection() -> dict[str, Any]:
    return {"usename": "prereview_files", "state": "idle", "seconds": None, "query": "COMMIT"}
