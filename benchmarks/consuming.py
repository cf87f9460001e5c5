"""What an event costs reports, alone and in sets: `python -m benchmarks.consuming [files]`.

Messages as the pipeline sends them: for each file an upload, a result, two of a mail; a tenth of
the results have forty findings. They are handled as those of a queue are, without a broker: read,
inbox, journal, projections, commit. Sets of different sizes take turns, each round with new
messages; the figures are the medians. Brings a database of its own.
"""

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import uuid4

from sqlalchemy import text

from deploy.local.servers import private_postgres
from services.reports import reactions
from shared.contracts import published_types
from shared.db import Database
from shared.eventsourcing.event import RecordedEvent
from shared.logging import configure
from shared.messaging.envelope import to_message
from shared.messaging.handling import Handling
from shared.messaging.waiting import Waiting
from tests.support.databases import create_template
from tests.support.events import FINDING, checked, queued, recorded, sent, uploaded

SIZES, ROUNDS = (1, 16, 100), 5


@dataclass
class Message:
    """As one that has arrived."""

    body: bytes
    content_type: str | None
    message_id: str | None
    type: str | None = None

    @property
    def body_size(self) -> int:
        return len(self.body)

    async def ack(self) -> None: ...


class Processor:
    """Milliseconds that this process and a server's have worked since the last look."""

    def __init__(self, server: int) -> None:
        self._server = Path(f"/proc/{server}/schedstat")
        self.look()

    def look(self) -> tuple[float, float]:
        ours, theirs = 1000 * time.process_time(), int(self._server.read_text().split()[0]) / 1e6
        before = getattr(self, "_before", (ours, theirs))
        self._before = (ours, theirs)
        return ours - before[0], theirs - before[1]


async def main(files: int, server: str) -> None:
    databases = await create_template(server)
    database = Database(databases.url("reports"), pool_size=1, overflow=0)
    async with database.transaction() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    processor = Processor(pid)
    found: dict[int, list[tuple[float, float]]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            messages = [message for _ in range(files) for message in life_of_a_file()]
            processor.look()
            await handle(database, messages, size)
            ours, theirs = processor.look()
            found[size].append((ours / len(messages), theirs / len(messages)))
    await database.close()
    tell(found)


async def handle(database: Database, messages: Sequence[Message], size: int) -> None:
    waiting = Waiting("reports", lambda: True)
    handling = Handling(
        "reports",
        "amqp://nobody",
        database,
        published_types(),
        reactions.react,
        waiting,
        reactions.PREPARE,
    )
    for start in range(0, len(messages), size):
        if await handling.handle(messages[start : start + size]):
            raise SystemExit("messages are left")


def life_of_a_file() -> list[Message]:
    file_id, mail_id, user_id = uuid4(), uuid4(), uuid4()
    check = checked(file_id, user_id=user_id)
    count = 40 if secrets.randbelow(10) == 0 else secrets.randbelow(4)
    findings = [FINDING.model_copy(update={"row": row}) for row in range(1, count + 1)]
    check = check.model_copy(update={"findings": findings})
    return [
        message(recorded(uploaded(file_id, user_id), f"file-{file_id}", 1)),
        message(recorded(check, f"checks-{file_id}", 1)),
        message(recorded(queued(mail_id, check.check_id, user_id), f"mail-{mail_id}", 1)),
        message(recorded(sent(mail_id, check.check_id, 1, user_id), f"mail-{mail_id}", 2)),
    ]


def message(event: RecordedEvent) -> Message:
    made = to_message(event)
    return Message(made.body, made.content_type, made.message_id)


def tell(found: dict[int, list[tuple[float, float]]]) -> None:
    alone = sum(median(side) for side in zip(*found[SIZES[0]], strict=True))
    print("processor ms an event    python  postgres  together")
    for size, rounds in found.items():
        ours, theirs = (median(side) for side in zip(*rounds, strict=True))
        whole = ours + theirs
        print(
            f"in sets of {size:3}        {ours:9.3f} {theirs:9.3f} {whole:9.3f}"
            f"   {alone / whole:.1f} times less"
        )


if __name__ == "__main__":
    configure("benchmark", "ERROR")
    with tempfile.TemporaryDirectory() as folder, private_postgres(Path(folder)) as running:
        count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
        asyncio.run(main(count, running.url))
