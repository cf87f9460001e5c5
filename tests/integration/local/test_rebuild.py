"""`make rebuild`: each service's read tables in a process of its own, which ends as it should."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local.servers import private_postgres
from deploy.postgres.provision import DATABASE, with_database
from tests.support.product import ROOT, local, outside
from tests.support.waiting import eventually

UNREADABLE = """
INSERT INTO files.events
    (event_id, stream_id, version, type, schema_version, recorded_at, data, metadata)
VALUES (gen_random_uuid(), 'file-1', 1, 'FileUploaded', 1, now(), '{"nothing": "of it"}', '{}')
"""
# What a shell starts in the background hears no Ctrl-C, and neither do the tests then.
HEARS_CTRL_C = ("env", "--default-signal=INT")
SHADOWS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%\\_rebuild'"


@contextmanager
def server(folder: Path) -> Iterator[str]:
    with private_postgres(folder / "server") as postgres:
        answer = local("migrate", folder / "data", PREREVIEW_DATABASE_URL=postgres.url)
        assert answer.returncode == 0, answer.stderr
        yield postgres.url


async def test_one_that_fails_says_so_and_keeps_no_other(tmp_path: Path) -> None:
    with server(tmp_path) as url:
        database = await asyncpg.connect(with_database(url, DATABASE))
        try:
            await database.execute(UNREADABLE)
        finally:
            await database.close()
        answer = local("rebuild", tmp_path / "data", PREREVIEW_DATABASE_URL=url)
    assert answer.returncode == 1
    assert "reports.checks: rebuilt from 0 events" in answer.stdout
    assert "files.files: rebuilt" not in answer.stdout
    *_, why, end = answer.stderr.splitlines()
    assert "--skip-unreadable" in why
    assert end == "The read tables of files stayed as they were."


@pytest.mark.parametrize("group", [True, False], ids=["Ctrl-C", "kill -INT"])
async def test_interrupted_it_leaves_nothing_behind(tmp_path: Path, *, group: bool) -> None:
    with server(tmp_path) as url:
        reader = await asyncpg.connect(with_database(url, DATABASE))
        try:
            async with reader.transaction():
                await reader.fetch("SELECT FROM files.files")
                with rebuilding(tmp_path, url) as process:

                    async def waits_for_readers() -> bool:
                        return "files: waits for readers" in (tmp_path / "told").read_text()

                    await eventually(waits_for_readers, 60)
                    interrupt(process, group=group)
                    assert process.wait(60) == 130
            assert "Traceback" not in (tmp_path / "told").read_text()
            assert await reader.fetch(SHADOWS) == []
        finally:
            await reader.close()


@contextmanager
def rebuilding(folder: Path, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    variables = {"PREREVIEW_DATA": str(folder / "data"), "PREREVIEW_DATABASE_URL": url}
    with (folder / "told").open("wb") as told:
        process = subprocess.Popen(
            [*HEARS_CTRL_C, sys.executable, "-m", "deploy.local", "rebuild"],
            cwd=ROOT,
            env={**outside(), **variables},
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)


def interrupt(process: "subprocess.Popen[bytes]", *, group: bool) -> None:
    """As a terminal does to all programs in it, or as somebody does to this one alone."""
    if group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
