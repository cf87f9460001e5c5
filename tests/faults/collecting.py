"""Fills a snapshot from a running product."""

import asyncio
import hashlib
from contextlib import redirect_stdout
from dataclasses import replace
from importlib import import_module
from io import StringIO
from typing import Any

from services import rebuild as rebuilding
from shared.contracts import CONSUMED
from tests.faults import broker
from tests.faults.asking import Asker, told
from tests.faults.database import Connection, Row, admin, owner_url, rows
from tests.faults.rest import rest
from tests.faults.running import Running
from tests.faults.snapshot import PRODUCERS, Rows, Snapshot

REBUILT = ("files", "reports")
STEADY = 5.0  # seconds between two looks at the connections
_ACTIVITY = """
SELECT usename, state, extract(epoch FROM now() - xact_start)::float AS seconds, query, pid
FROM pg_stat_activity WHERE usename LIKE 'prereview%' AND backend_type = 'client backend'
"""
_TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


async def collect(running: Running) -> Snapshot:
    """Wait for rest, then look everywhere."""
    seconds, unrest = await rest(running)
    snapshot = await collect_tables(running)
    snapshot.rested_after, snapshot.unrest = seconds, unrest
    async with admin(running.product) as connection:
        await _look_at_connections(connection, snapshot)
    snapshot.queues = await broker.sizes(running.product)
    await _read_through_api(running, snapshot)
    return snapshot


async def collect_tables(running: Running) -> Snapshot:
    """What can be seen at once. The read tables are built anew, as operators would do it.

    A person whose erasure was never answered is erased when auth has no account of theirs.
    """
    snapshot = Snapshot(requests=list(running.ledger.requests), injected=set(running.injected))
    async with admin(running.product) as connection:
        await _read_tables(connection, snapshot)
        _note_erased(running, snapshot)
        await _look_for_traces(connection, running, snapshot)
        snapshot.serving = await _read_models(connection)
        for service in REBUILT:
            with redirect_stdout(StringIO()):
                await rebuilding.run(service, [], owner_url(running.product, service))
        snapshot.rebuilt = await _read_models(connection)
    async with broker.connected(running.product) as channel:
        snapshot.dead = await broker.dead_letters(channel)
    snapshot.mails = list(running.mail_server.mails())
    snapshot.refused = list(running.mail_server.refused)
    return snapshot


async def _read_tables(connection: "Connection", snapshot: Snapshot) -> None:
    for producer in PRODUCERS:
        events = await _table(connection, f"{producer}.events", "position")
        snapshot.events[producer] = events
        snapshot.checkpoints[producer] = (
            await connection.fetchval(
                f"SELECT position FROM {producer}.checkpoints WHERE name = 'relay'"
            )
            or 0
        )
        snapshot.set_aside[producer] = await connection.fetchval(
            f"SELECT count(*) FROM {producer}.set_aside"
        )
    for consumer in CONSUMED:
        found = await connection.fetch(f"SELECT event_id FROM {consumer}.inbox")
        snapshot.inboxes[consumer] = {str(row["event_id"]) for row in found}
    snapshot.journal = await _table(connection, "reports.journal", "position")
    snapshot.users = await _table(connection, "auth.users", "user_id")
    snapshot.versions = await _table(connection, "checker.versions", "file_id, version")
    snapshot.mail_rows = await _table(connection, "notifier.mails", "mail_id")
    snapshot.contents = {
        row["sha256"] for row in await connection.fetch("SELECT sha256 FROM files.contents")
    }


def _note_erased(running: Running, snapshot: Snapshot) -> None:
    there = {user["email"] for user in snapshot.users}
    for person in running.people():
        account = person.account
        if account.erased_at or account.email not in there:
            snapshot.erased[account.user_id] = (account.email, account.erased_at)


async def _look_for_traces(connection: "Connection", running: Running, snapshot: Snapshot) -> None:
    gone = [p.account.who for p in running.people() if p.account.user_id in snapshot.erased]
    patterns = [f"%{text}%" for who in gone for text in (who, who.encode().hex())]
    for (table,) in await connection.fetch(_TABLES):
        found = await connection.fetch(
            f"SELECT t::text AS row FROM {table} AS t WHERE t::text ILIKE ANY($1)", patterns
        )
        for row in found:
            guilty = [w for w in gone if w in row["row"] or w.encode().hex() in row["row"]]
            snapshot.traces += [(who, table) for who in guilty]


async def _look_at_connections(connection: "Connection", snapshot: Snapshot) -> None:
    first = await rows(connection, _ACTIVITY)
    await asyncio.sleep(STEADY)
    snapshot.activity = [first, await rows(connection, _ACTIVITY)]


async def _read_models(connection: "Connection") -> dict[str, Rows]:
    found = {}
    for service in REBUILT:
        for projection in import_module(f"services.{service}.projections").PROJECTIONS:
            for table in projection.tables:
                name = f"{service}.{table}"
                found[name] = await _table(connection, name, "t::text")
    return found


async def _table(connection: "Connection", name: str, order: str) -> Rows:
    found = await rows(connection, f"SELECT * FROM {name} AS t ORDER BY {order}")
    return [{column: _plain(value) for column, value in row.items()} for row in found]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | bool | dict | list | None) else str(value)


async def _read_through_api(running: Running, snapshot: Snapshot) -> None:
    saved = {
        event["data"]["sha256"]: event["data"]
        for event in snapshot.events["files"]
        if "sha256" in event["data"]
    }
    for person in running.people():
        if person.account.user_id in snapshot.erased:
            continue
        asker = Asker(running.doors, running.ledger)
        await replace(person.account, asker=asker).log_in()
        await _list(asker, snapshot)
        for sha256 in person.sent:
            if sha256 in saved:
                await _download(asker, saved[sha256], snapshot)
        await asker.http.aclose()


async def _list(asker: Asker, snapshot: Snapshot) -> None:
    for mark in (None, "deleted"):
        cursor: str | None = ""
        while cursor is not None:
            asked = {"limit": "200", "cursor": cursor or None, "mark": mark}
            params = {name: value for name, value in asked.items() if value}
            page = told(await asker.look("/api/v1/files", params=params))
            for file in page.get("files", []):
                snapshot.listed[file["id"]] = file
            cursor = page.get("next_cursor")


async def _download(asker: Asker, saved: Row, snapshot: Snapshot) -> None:
    path = f"/api/v1/files/{saved['file_id']}/content"
    answer = await asker.look(path, params={"version": saved["version"]})
    came = hashlib.sha256(answer.content).hexdigest() if answer else "nothing"
    snapshot.downloads[saved["sha256"]] = came
