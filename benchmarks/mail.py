"""Mails a second, due rows → marked as sent: `python -m benchmarks.mail [mails]`.

The services auth and notifier as they always run, on a Postgres of their own, against a bare loop
of the library (aiosmtplib) that sends the very same octets on one connection to the same
server. Processor milliseconds a mail are those of each process while the mails leave. Linux only.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiosmtplib
from sqlalchemy import text

from benchmarks.figures import Figure, at_least, faster, tell
from deploy.local.servers import private_postgres
from services.notifier.domain.mail import EVENTS
from services.notifier.projections import MAILS
from services.notifier.reactions import reacting
from shared.clock import utc_now
from shared.contracts.checker import Counts, FileChecked, Finding
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from tests.support.databases import PrivateDatabase, create_template
from tests.support.events import checked, recorded
from tests.support.keys import make_keys
from tests.support.product import ROOT, free_port
from tests.support.running import running_copy

PEOPLE, FINDINGS = 20, 6
END = b"\r\n.\r\n"
TICKS = os.sysconf("SC_CLK_TCK")
STORE = EventStore(EventTypes(EVENTS), [MAILS])
_USER = """
INSERT INTO users (user_id, email, ascii_email, password_hash, language, created_at,
                   email_confirmed_at)
VALUES (:id, :email, :email, '', :language, now(), now())
"""


class Sink:
    """A mail server that takes every mail at once, and keeps the octets in a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := (await reader.readline()).upper():
            if line.startswith(b"DATA"):
                writer.write(b"354 go ahead\r\n")
                content = await reader.readuntil(END)
                self._file.write(b"%d\n" % len(content) + content)
                self._file.flush()
            elif line.startswith(b"EHLO"):
                writer.write(b"250-sink\r\n250 PIPELINING\r\n")
                continue
            elif line.startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                break
            writer.write(b"250 ok\r\n")
        writer.close()


async def take_mails(path: Path, port: int) -> None:
    sink = Sink(path)
    server = await asyncio.start_server(sink.hold, "127.0.0.1", port, limit=1024 * 1024)
    await server.serve_forever()


@contextmanager
def sink_process(path: Path, port: int) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.mail", "sink", str(path), str(port)], cwd=ROOT
    )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def octets_in(path: Path) -> list[bytes]:
    mails = []
    with path.open("rb") as file:
        while size := file.readline():
            content = file.read(int(size))
            mails.append(content.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))
    return mails


def a_check(user_id: Any, number: int) -> FileChecked:
    findings = [
        Finding(
            code="F401", name="unused-import", tier="warning", row=row, column=1, end_row=row,
            message=f"`module_{number}_{row}` imported but unused", end_column=9, url=None,
            fingerprint=f"{row}", change="new",
        )
        for row in range(1, FINDINGS + 1)
    ]  # fmt: skip
    counts = Counts(warning=FINDINGS, total=FINDINGS, new=FINDINGS)
    more = {"user_id": user_id, "findings": findings, "counts": counts, "verdict": "not_ready"}
    return checked(uuid4()).model_copy(update=more)


async def fill(database: PrivateDatabase, mails: int) -> None:
    """Mails of some people, due in an hour."""
    auth, notifier = Database(database.url("auth")), Database(database.url("notifier"))
    people = [uuid4() for _ in range(PEOPLE)]
    async with auth.transaction() as connection:
        for number, user_id in enumerate(people):
            language = "ru" if number % 2 else "en"
            values = {"id": user_id, "email": f"a{number}@example.org", "language": language}
            await connection.execute(text(_USER), values)
    async with notifier.transaction() as connection:
        checks = [recorded(a_check(people[n % PEOPLE], n)) for n in range(mails)]
        await reacting(STORE, utc_now)(connection, checks)
        await connection.execute(text("UPDATE mails SET due_at = now() + interval '1 hour'"))
    await auth.close()
    await notifier.close()


async def send_all(database: PrivateDatabase) -> float:
    """Seconds from the moment when all are due to the event that marks the last one."""
    notifier = Database(database.url("notifier"))
    async with notifier.transaction() as connection:
        began = await connection.scalar(
            text("WITH u AS (UPDATE mails SET due_at = now()) SELECT clock_timestamp()")
        )
    left = text("SELECT count(*) FROM mails WHERE state <> 'sent'")
    last = text("SELECT max(recorded_at) FROM events WHERE type = 'EmailSent'")
    while True:
        await asyncio.sleep(0.1)
        async with notifier.transaction() as connection:
            if not await connection.scalar(left):
                ended = await connection.scalar(last)
                break
    await notifier.close()
    return float((ended - began).total_seconds())


async def send_bare(port: int, mails: list[bytes]) -> float:
    began = time.perf_counter()
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, local_hostname="localhost")
    await client.connect()
    for octets in mails:
        await client.sendmail("prereview@localhost", ["ann@example.org"], octets)
    await client.quit()
    return time.perf_counter() - began


def processor_seconds(pid: int) -> float:
    """Of a process and its children, those that have ended included."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == pid:
            total += sum(map(int, fields[11:15])) / TICKS
        elif int(fields[1]) == pid:
            total += sum(map(int, fields[11:13])) / TICKS
    return total


def wait_until_ready(log: Path, copies: int) -> None:
    end = time.monotonic() + 90
    while log.read_text().count("startup complete") < copies:
        if time.monotonic() > end:
            raise AssertionError(log.read_text())
        time.sleep(0.1)


def measure(folder: Path, mails: int) -> tuple[float, float, dict[str, float]]:
    """Mails a second of ours and of the bare loop; processor milliseconds a mail by process."""
    with ExitStack() as stack:
        server = stack.enter_context(private_postgres(folder))
        database = asyncio.run(create_template(server.url))
        asyncio.run(fill(database, mails))
        keys, log, auth_port, port = (
            make_keys(folder),
            folder / "services.log",
            free_port(),
            free_port(),
        )
        pids = {"mail server": stack.enter_context(sink_process(folder / "mails", port))}
        own = {"PASSWORD_PEPPER": "x" * 32, "PORT": str(auth_port)}
        auth = running_copy("auth", keys, database.url("auth"), log, **own)
        pids["auth"] = stack.enter_context(auth).pid
        own = {
            "AUTH_URL": f"http://127.0.0.1:{auth_port}",
            "SMTP_URL": f"smtp://127.0.0.1:{port}",
            "MAIL_INTERVAL": "0.1",
        }
        notifier = running_copy("notifier", keys, database.url("notifier"), log, **own)
        pids["notifier"] = stack.enter_context(notifier).pid
        pids["Postgres"] = int(next(folder.rglob("postmaster.pid")).read_text().split()[0])
        wait_until_ready(log, 2)
        time.sleep(3)
        before = {name: processor_seconds(pid) for name, pid in pids.items()}
        ours = asyncio.run(send_all(database))
        after = {name: processor_seconds(pid) for name, pid in pids.items()}
        octets = octets_in(folder / "mails")
        assert len(octets) == mails
        bare = asyncio.run(send_bare(port, octets))
        assert octets_in(folder / "mails")[mails:] == octets
    spent = {name: 1000 * (after[name] - before[name]) / mails for name in pids}
    return mails / ours, mails / bare, spent


def figures(mails: int = 2000) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)  # Postgres leaves root behind and has to reach its data
        ours, bare, spent = measure(Path(name), mails)
    rate = "mail alone, due → marked, against a bare aiosmtplib loop"
    return [
        faster(rate, ours, bare, "mails/s", at_least(0.5)),
        *(Figure(f"… processor of {name}, a mail", ms, "ms") for name, ms in spent.items()),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["sink"]:
        asyncio.run(take_mails(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        tell(figures(*map(int, sys.argv[1:])))
