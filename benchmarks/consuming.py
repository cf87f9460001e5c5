"""What an event costs reports, alone and in sets: `python -m benchmarks.consuming`.

Messages as the pipeline sends them: for each file an upload, a result, two of a mail; a tenth of
the results have forty findings. They are handled as those of a queue are, without a broker: read,
inbox, journal, projections, commit. Sets of different sizes take turns, each round with new
messages; the figures are the medians. Brings a database of its own.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import uuid4

from sqlalchemy import text

from benchmarks.figures import Figure, tell
from benchmarks.running import temporary_folder
from deploy.local.servers import private_postgres
from services.reports import reactions
from shared.contracts import published_types
from shared.db import Database
from shared.eventsourcing.event import RecordedEvent
from shared.logging import configure
from shared.messaging.dead_letters.publisher import DeadLetterPublisher
from shared.messaging.envelope import to_message
from shared.messaging.message_handler import MessageHandler
from shared.messaging.transient_retry import TransientRetry
from tests.support.databases import create_template
from tests.support.events import FINDING, checked, queued, recorded, sent, uploaded

FILES, SIZES, ROUNDS = 100, (1, 16, 100), 5
Cost = tuple[float, float]  # processor milliseconds an event: of Python, and of Postgres


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

    def look(self) -> Cost:
        ours, theirs = 1000 * time.process_time(), int(self._server.read_text().split()[0]) / 1e6
        before = getattr(self, "_before", (ours, theirs))
        self._before = (ours, theirs)
        return ours - before[0], theirs - before[1]


def figures() -> list[Figure]:
    configure("benchmark", "ERROR")
    with temporary_folder() as folder, private_postgres(folder) as postgres:
        found = asyncio.run(_measure(postgres.url))
    return told({size: _median(rounds) for size, rounds in found.items()})


def told(costs: Mapping[int, Cost]) -> list[Figure]:
    """Each size of sets against events that come alone: how many times less they cost."""
    alone = sum(costs[1])
    lines = []
    for size, (python, postgres) in costs.items():
        if size > 1:
            name, whole = f"an event in reports, in sets of {size} against alone", python + postgres
            lines.append(Figure(name, whole, "ms", alone, alone / whole))
            lines.append(Figure("… of Postgres", postgres, "ms", costs[1][1]))
    return lines


def _median(rounds: Sequence[Cost]) -> Cost:
    python, postgres = (median(side) for side in zip(*rounds, strict=True))
    return python, postgres


async def _measure(server: str) -> dict[int, list[Cost]]:
    databases = await create_template(server)
    database = Database(databases.url("reports"), pool_size=1, overflow=0)
    async with database.transaction() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    processor = Processor(pid)
    found: dict[int, list[Cost]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            messages = [message for _ in range(FILES) for message in life_of_a_file()]
            processor.look()
            await handle(database, messages, size)
            ours, theirs = processor.look()
            found[size].append((ours / len(messages), theirs / len(messages)))
    await database.close()
    return found


async def handle(database: Database, messages: Sequence[Message], size: int) -> None:
    handler = MessageHandler(
        "reports",
        database,
        published_types(),
        reactions.react,
        TransientRetry("reports", lambda: True),
        DeadLetterPublisher("reports", "amqp://nobody", database),
        reactions.PREPARE,
    )
    for start in range(0, len(messages), size):
        if await handler.handle(messages[start : start + size]):
            raise AssertionError("messages are left")


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


if __name__ == "__main__":
    tell(figures())
