"""Everything that is true of a product at rest, as plain data: what the invariants look at."""

from dataclasses import dataclass, field

from tests.faults.database import Row
from tests.faults.ledger import Request
from tests.faults.mail_server import Accepted

Rows = list[Row]
PRODUCERS = ("auth", "files", "checker", "notifier")


@dataclass
class Snapshot:
    """Tables are lists of rows by column; all ids are texts."""

    requests: list[Request] = field(default_factory=list)
    mails: list[Accepted] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # addresses, once for each 5xx
    events: dict[str, Rows] = field(default_factory=dict)  # producer → `events`
    checkpoints: dict[str, int] = field(default_factory=dict)  # producer → position of its relay
    set_aside: dict[str, int] = field(default_factory=dict)  # producer → rows
    inboxes: dict[str, set[str]] = field(default_factory=dict)  # consumer → ids of events
    journal: Rows = field(default_factory=list)
    users: Rows = field(default_factory=list)  # auth's, who are not erased
    versions: Rows = field(default_factory=list)  # checker's `versions`
    mail_rows: Rows = field(default_factory=list)  # notifier's `mails`
    contents: set[str] = field(default_factory=set)  # sha256 of all that files keeps
    downloads: dict[str, str] = field(default_factory=dict)  # sent sha256 → what came back
    listed: dict[str, Row] = field(default_factory=dict)  # file id → as the list shows it
    serving: dict[str, Rows] = field(default_factory=dict)  # `service.table` → rows
    rebuilt: dict[str, Rows] = field(default_factory=dict)  # the same, built anew from events
    queues: dict[str, int] = field(default_factory=dict)  # queue → messages, also given out ones
    dead: Rows = field(default_factory=list)  # dead letters
    injected: set[str] = field(default_factory=set)  # message ids of poison we have sent
    erased: dict[str, tuple[str, float]] = field(default_factory=dict)  # id → address, when
    traces: list[tuple[str, str]] = field(default_factory=list)  # person, table with a trace
    activity: list[Rows] = field(
        default_factory=lambda: [[], []]
    )  # of Postgres, some seconds apart
    rested_after: float = 0.0  # seconds
    unrest: str = ""  # what never came to rest
