"""Invariants: what people were answered is what has happened."""

from collections import Counter, defaultdict

from tests.faults.ledger import Request
from tests.faults.snapshot import Rows, Snapshot

# Seconds in which a request of unknown outcome may still have an effect: the gateway's longest.
LATE = 15.0
SAVES = ("upload", "replace")
CHANGES = (*SAVES, "delete", "restore")


def done_exists_once(s: Snapshot) -> list[str]:
    """What was answered with 2xx has happened once, under the version that was told."""
    saved = _saved(s)
    wrong = []
    for request in s.requests:
        if request.what in SAVES and request.outcome == "done":
            found = saved.get(request.sha256, [])
            told = (request.file_id, request.version)
            if len(found) != 1:
                wrong.append(f"{_said(request)} is there {len(found)} times")
            elif request.version and found[0] != told:
                wrong.append(f"{_said(request)}, told {told}, is there as {found[0]}")
    return wrong


def registered_have_an_account(s: Snapshot) -> list[str]:
    """Who was answered 202 has an account, or has left since."""
    there = {user["email"] for user in s.users} | {address for address, _ in s.erased.values()}
    return [
        f"{_said(request)} has made no account"
        for request in s.requests
        if request.what == "register" and request.outcome == "done" and request.name not in there
    ]


def who_is_erased_was_told(s: Snapshot) -> list[str]:
    """Nobody's account has gone by a request that was answered 4xx or 503, or by none."""
    left = {r.name for r in s.requests if r.what == "erase" and r.outcome in ("done", "unknown")}
    return [f"{who} is erased unasked" for who, _ in s.erased.values() if who not in left]


def refused_never_exists(s: Snapshot) -> list[str]:
    """What was answered with 4xx or 503, or could not be sent, has not happened."""
    saved = _saved(s)
    emails = {user["email"] for user in s.users}
    wrong = []
    for request in s.requests:
        if request.outcome in ("refused", "unavailable"):
            is_there = (request.what in SAVES and request.sha256 in saved) or (
                request.what == "register" and request.name in emails
            )
            wrong += [f"{_said(request)} has happened all the same"] if is_there else []
    return wrong


def unknown_happens_at_most_once(s: Snapshot) -> list[str]:
    """What had no clear answer has happened once or not at all; nothing else is there."""
    asked = {request.sha256: request for request in s.requests if request.what in SAVES}
    wrong = []
    for sha256, found in _saved(s).items():
        if sha256 not in asked:
            wrong.append(f"nobody has sent what is in {found}")
        elif len(found) > 1:
            wrong.append(f"{_said(asked[sha256])} is there {len(found)} times: {found}")
    return wrong


def deletions_and_restorations_are_counted(s: Snapshot) -> list[str]:
    """A file was deleted and restored as often as was answered, and by no refused request."""
    wrong = []
    counted = Counter(
        (event["data"]["file_id"], event["type"])
        for event in s.events["files"]
        if event["type"] in ("FileDeleted", "FileRestored")
    )
    by_file: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for request in s.requests:
        if request.what in ("delete", "restore") and request.file_id:
            by_file[request.file_id, request.what][request.outcome] += 1
    for (file_id, what), outcomes in by_file.items():
        times = counted[file_id, "FileDeleted" if what == "delete" else "FileRestored"]
        least = outcomes["done"] if what == "delete" else 0  # who lives is restored without event
        most = outcomes["done"] + outcomes["unknown"]
        if not least <= times <= most:
            wrong.append(
                f"{what} of {file_id}: {dict(outcomes)}, but it has happened {times} times"
            )
    return wrong


def lists_tell_the_last_state(s: Snapshot) -> list[str]:
    """The list shows each file as its last answered request left it."""
    owner = {e["data"]["file_id"]: e["data"]["user_id"] for e in _file_events(s)}
    wrong = []
    for file_id, requests in _changes(s).items():
        last = requests[-1]
        if _is_unclear(requests) or owner.get(file_id) in s.erased:
            continue
        shown = s.listed.get(file_id)
        if shown is None:
            wrong.append(f"{_said(last)} is in no list")
        elif (shown["mark"] == "deleted") != (last.what == "delete"):
            wrong.append(f"after {_said(last)} the list shows it as {shown['mark']}")
        elif last.what in SAVES and shown["sha256"] != last.sha256:
            wrong.append(f"after {_said(last)} the list shows version {shown['version']}")
    return wrong


def bytes_come_back(s: Snapshot) -> list[str]:
    """Every version that is kept is downloaded as it was sent."""
    return [
        f"what was sent as {sent[:12]} came back as {came[:12]}"
        for sent, came in s.downloads.items()
        if came != sent
    ]


def answers_are_clear(s: Snapshot) -> list[str]:
    """No answer is a 5xx but 503 and 504."""
    return [
        f"{_said(request)} was answered {request.status}"
        for request in s.requests
        if request.status >= 500 and request.status not in (503, 504)
    ]


def excused(s: Snapshot) -> int:
    """Files whose last state nobody can know, for a request without a clear answer came late."""
    return sum(map(_is_unclear, _changes(s).values()))


def _changes(s: Snapshot) -> dict[str, list[Request]]:
    """Of each file the requests that have changed it, or may have."""
    of_file: dict[str, list[Request]] = defaultdict(list)
    file_of = {sha256: found[0][0] for sha256, found in _saved(s).items()}
    for request in s.requests:
        file_id = request.file_id or file_of.get(request.sha256, "")
        if file_id and request.what in CHANGES and request.outcome in ("done", "unknown"):
            of_file[file_id].append(request)
    return of_file


def _is_unclear(requests: list[Request]) -> bool:
    last = requests[-1]
    return any(r.outcome == "unknown" and last.begun - r.begun < LATE for r in requests)


def _file_events(s: Snapshot) -> Rows:
    return [event for event in s.events["files"] if "file_id" in event["data"]]


def _saved(s: Snapshot) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for event in s.events["files"]:
        if "sha256" in event["data"]:
            found[event["data"]["sha256"]].append(
                (event["data"]["file_id"], event["data"]["version"])
            )
    return found


def _said(request: Request) -> str:
    answer = f"{request.status or 'no answer'} {request.code}".strip()
    return f"{request.who}'s {request.what} of {request.name} ({answer}, {request.sha256[:12]})"
