"""Invariants: events, their way to the others, and what is built from them."""

from collections import Counter, defaultdict

from shared.contracts import CONSUMED, PUBLISHED
from tests.faults.snapshot import PRODUCERS, Snapshot

_PUBLISHED = {name: {event.type_name() for event in PUBLISHED[name]} for name in PRODUCERS}
_CONSUMED = {name: {event.type_name() for event in events} for name, events in CONSUMED.items()}
SHOWN = 5  # rows that differ


def streams_have_no_holes(s: Snapshot) -> list[str]:
    """The versions of each stream are 1 to n."""
    wrong = []
    for producer, events in s.events.items():
        streams: dict[str, list[int]] = defaultdict(list)
        for event in events:
            streams[event["stream_id"]].append(event["version"])
        for stream, versions in streams.items():
            if sorted(versions) != list(range(1, len(versions) + 1)):
                wrong.append(f"{producer}: {stream} has the versions {sorted(versions)}")
    return wrong


def journal_has_each_event_once(s: Snapshot) -> list[str]:
    """Every published event is in the journal of reports once, and nothing else is."""
    journal = Counter(row["event_id"] for row in s.journal)
    told = {
        event["event_id"]: event
        for producer in PRODUCERS
        for event in s.events[producer]
        if event["type"] in _PUBLISHED[producer]
    }
    wrong = [
        f"{event['type']} {event_id} of {event['stream_id']} is in the journal"
        f" {journal[event_id]} times"
        for event_id, event in told.items()
        if journal[event_id] != 1
    ]
    return wrong + [
        f"the journal has an event nobody has told: {row['type']} {row['event_id']}"
        for row in s.journal
        if row["event_id"] not in told and row["event_id"] not in s.injected
    ]


def journal_says_what_was_told(s: Snapshot) -> list[str]:
    """The journal has each event as its producer has it."""
    told = {e["event_id"]: e for producer in PRODUCERS for e in s.events[producer]}
    return [
        f"{row['type']} {row['event_id']} is {row['data']} in the journal, not {event['data']}"
        for row in s.journal
        if (event := told.get(row["event_id"])) and _fact(row) != _fact(event)
    ]


def consumers_have_had_all(s: Snapshot) -> list[str]:
    """Every consumer's inbox has every event it listens to."""
    return [
        f"{consumer} has never had {event['type']} {event['event_id']} of {event['stream_id']}"
        for consumer, types in _CONSUMED.items()
        for producer in PRODUCERS
        for event in s.events[producer]
        if event["type"] in types
        and event["type"] in _PUBLISHED[producer]
        and event["event_id"] not in s.inboxes[consumer]
    ]


def relays_are_at_their_end(s: Snapshot) -> list[str]:
    """Every relay's checkpoint is at its last published event."""
    wrong = []
    for producer in PRODUCERS:
        last = max(
            (e["position"] for e in s.events[producer] if e["type"] in _PUBLISHED[producer]),
            default=0,
        )
        if s.checkpoints[producer] < last:
            wrong.append(f"the relay of {producer} is at {s.checkpoints[producer]} of {last}")
    return wrong


def nothing_is_set_aside(s: Snapshot) -> list[str]:
    """No relay has an event that it could not publish."""
    return [f"{producer} has set {n} events aside" for producer, n in s.set_aside.items() if n]


def each_version_has_one_result(s: Snapshot) -> list[str]:
    """Each version of a file that lives has one result; one of a deleted file has at most one."""
    results = Counter(
        (event["data"]["file_id"], event["data"]["version"]) for event in s.events["checker"]
    )
    deleted = _deleted(s)
    wrong = []
    for event in s.events["files"]:
        data = event["data"]
        if event["type"] not in ("FileUploaded", "FileReplaced"):
            continue
        times = results.pop((data["file_id"], data["version"]), 0)
        may_have_none = data["file_id"] in deleted or data["user_id"] in s.erased
        if times > 1 or (times == 0 and not may_have_none):
            wrong.append(f"version {data['version']} of {data['file_id']} has {times} results")
    return wrong + [f"{key} has a result, but was never saved" for key in results]


def read_tables_are_as_rebuilt(s: Snapshot) -> list[str]:
    """The read tables have the rows that building them anew from events gives."""
    wrong = []
    for table, rows in s.serving.items():
        serving, rebuilt = (
            {repr(sorted(row.items())) for row in one} for one in (rows, s.rebuilt[table])
        )
        wrong += [f"{table} alone had {row}" for row in sorted(serving - rebuilt)[:SHOWN]]
        wrong += [f"{table} lacked {row}" for row in sorted(rebuilt - serving)[:SHOWN]]
    return wrong


def _deleted(s: Snapshot) -> set[str]:
    """Files that are deleted, or were erased after that."""
    life: dict[str, bool] = {}
    for event in s.events["files"]:
        if "file_id" in event["data"] and event["type"] != "FileErased":
            life[event["data"]["file_id"]] = event["type"] == "FileDeleted"
    return {file_id for file_id, is_deleted in life.items() if is_deleted}


def _fact(row: dict[str, object]) -> tuple[object, ...]:
    return row["stream_id"], row["version"], row["type"], row["data"]
