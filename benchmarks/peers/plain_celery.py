"""Runs the plain form with Celery, on a Postgres and a Redis of its own, and times it."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from benchmarks import usage
from benchmarks.peers.plain_ruff import RULES
from benchmarks.peers.redis import Redis, private_redis
from benchmarks.run import MAIL_SERVER, Run
from benchmarks.running import temporary_folder, until
from benchmarks.sink import Sink, running_sink
from benchmarks.sources import Source
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import Postgres
from deploy.local.processes import Process, spawn, stop
from deploy.local.servers import private_postgres
from tests.faults.database import Connection
from tests.support.product import ROOT

ENVIRONMENT = ROOT / ".bench"  # of `make bench`
PROGRAM = "benchmarks.peers.celery"
PEOPLE = 10
PROCESSES = 4
IDLE = 1.0  # seconds before it begins
CHECKED = "SELECT count(*) FROM checks"
MARKED = "SELECT count(*) FROM checks WHERE mailed_at IS NOT NULL"


def run(files: Sequence[Source]) -> Run:
    """Raises `FileNotFoundError` where the peer's environment has not been made."""
    with (
        temporary_folder() as folder,
        private_postgres(folder) as postgres,
        private_redis(folder) as redis,
        running_sink(folder) as sink,
    ):
        return asyncio.run(_run(files, folder, postgres, redis, sink))


async def _run(
    files: Sequence[Source], folder: Path, postgres: Postgres, redis: Redis, sink: Sink
) -> Run:
    environment = _environment(postgres, redis, sink)
    async with _filled(postgres, files) as connection:
        with _worker(folder, environment) as worker, _starter(environment) as starter:
            pids = {"celery": worker.pid, "postgres": postgres.pid, "redis": redis.pid}
            await asyncio.sleep(IDLE)
            watched = {**pids, MAIL_SERVER: sink.pid}
            before, begun = usage.processor_of(watched), time.monotonic()
            print("go", file=starter.stdin, flush=True)
            await until(connection, CHECKED, len(files))
            checked = time.monotonic()
            await until(connection, MARKED, len(files))
            marked = time.monotonic()
            spent = usage.difference(before, usage.processor_of(watched))
            memory = sum(usage.memory_of(pids).values())
    mails = sink.look()
    assert len(mails) == len(files), "not one mail a check"
    mailed = max(mail.at for mail in mails)
    return Run(len(files), checked - begun, mailed - begun, marked - begun, spent, memory)


def _environment(postgres: Postgres, redis: Redis, sink: Sink) -> dict[str, str]:
    return {
        "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": postgres.url,
        "REDIS_URL": redis.url,
        "SMTP_HOST": LOOPBACK,
        "SMTP_PORT": str(sink.port),
        "RUFF_RULES": json.dumps(RULES),
    }


@asynccontextmanager
async def _filled(postgres: Postgres, files: Sequence[Source]) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(postgres.url)
    try:
        await connection.execute((ROOT / "benchmarks/peers/celery/schema.sql").read_text())
        await connection.executemany(
            "INSERT INTO files (name, email, content) VALUES ($1, $2, $3)",
            [
                (file.name, f"person{number % PEOPLE}@example.org", file.content)
                for number, file in enumerate(files)
            ],
        )
        yield connection
    finally:
        await connection.close()


@contextmanager
def _worker(folder: Path, environment: Mapping[str, str]) -> Iterator[Process]:
    command = [str(ENVIRONMENT / "bin/celery"), f"--workdir={ROOT}", "-A", f"{PROGRAM}.tasks"]
    command += ["worker", "--pool=prefork", f"--concurrency={PROCESSES}"]
    process = spawn(command, environment, folder / "celery.log")
    try:
        yield process
    finally:
        stop([process], signal.SIGTERM, 30.0)


@contextmanager
def _starter(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that says, once a line has come, that the time for checks has come."""
    command = [str(ENVIRONMENT / "bin/python"), "-m", f"{PROGRAM}.start"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "no worker has answered"
        yield process
