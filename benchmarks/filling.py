"""Fills the databases of all services with the past of many people, by SQL alone.

`python -m benchmarks.filling [people [files [versions]]]` fills a database of its own and tells how
long that took and how large it is. Benchmarks call `fill`.

Person 1 has as many files as fifty others together may have (`Size.big_files`). Each version of a
file was checked once and each check mailed, but for a few that wait or failed; a few files are
deleted. Rows of all services agree with each other and with the events as far as any query looks.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

from benchmarks.filled_rows import ROWS
from deploy.local.servers import private_postgres
from tests.support.databases import SCHEMAS, create_template


@dataclass(frozen=True)
class Size:
    """People, the files of each, those of person 1, the versions of each file, people erased."""

    people: int = 1000
    files: int = 50
    big_files: int = 20_000
    versions: int = 2
    erased: int = 10_000


def person(number: int) -> UUID:
    return UUID(int=number)


_PLAN = """
CREATE TEMP TABLE plan AS
SELECT gen_random_uuid() AS file_id, lpad(to_hex(p), 32, '0')::uuid AS user_id, n,
       'module_' || n || '_' || (ARRAY['models', 'views', 'test', 'tools'])[1 + n % 4] || '.py'
           AS name,
       now() - interval '1 day' * (1 + random() * 400) AS at,
       n % 97 = 3 AS deleted, n % 211 = 5 AS waiting, n % 499 = 7 AS failed
FROM generate_series(1, $1::int) AS p,
     generate_series(1, CASE p WHEN 1 THEN $3::int ELSE $2::int END) AS n
"""
_VERSIONS = """
CREATE TEMP TABLE saved AS
SELECT *, encode(sha256(content), 'hex') AS sha256, length(content) AS size FROM (
    SELECT p.*, v AS version, v = $1::int AS last, p.at + interval '1 hour' * v AS saved_at,
           gen_random_uuid() AS check_id, gen_random_uuid() AS mail_id,
           waiting AND v = $1::int AS unchecked,
           CASE WHEN failed THEN 'failed' WHEN n % 3 = 0 THEN 'clean' ELSE 'findings' END
               AS outcome,
           convert_to(repeat(format(E'def f_%s(value):\\n    return value + %s\\n\\n\\n', n, v),
                             20 + n % 30) || user_id || E'\\n', 'UTF8') AS content
    FROM plan p, generate_series(1, $1::int) AS v
) AS filled
"""
_CHECKED = """
CREATE TEMP TABLE checked AS
SELECT s.*, s.saved_at + interval '1 minute' AS checked_at,
       CASE outcome WHEN 'clean' THEN 'ready' WHEN 'findings' THEN 'not_ready' END AS verdict,
       jsonb_build_object('blocker', 0, 'warning', f.count, 'note', 0, 'total', f.count,
           'new', f.count, 'still', 0, 'reopened', 0, 'fixed', 0, 'suppressed', 0) AS counts,
       f.found AS findings
FROM saved s, LATERAL (
    SELECT count(*), coalesce(jsonb_agg(jsonb_build_object(
        'code', 'F401', 'name', 'unused-import', 'tier', 'warning',
        'message', '`os` imported but unused', 'row', k, 'column', 8, 'end_row', k,
        'end_column', 10, 'url', 'https://docs.astral.sh/ruff/rules/unused-import',
        'fingerprint', left(md5(s.check_id::text || k), 16), 'change', 'new', 'fix', NULL)), '[]'
    ) AS found
    FROM generate_series(1, CASE s.outcome WHEN 'findings' THEN 5 ELSE 0 END) AS k
) AS f WHERE NOT unchecked
"""

# What each service has told: (event, stream, version in it, person, data, time).
_EVENTS = {
    "files": """
    SELECT CASE version WHEN 1 THEN 'FileUploaded' ELSE 'FileReplaced' END AS type,
           'file-' || file_id AS stream_id, version, user_id, saved_at AS recorded_at,
           jsonb_build_object('file_id', file_id, 'user_id', user_id, 'name', name, 'size', size,
               'sha256', sha256, 'version', version) AS data FROM saved
    UNION ALL
    SELECT 'FileDeleted', 'file-' || file_id, version + 1, user_id,
           saved_at + interval '1 hour',
           jsonb_build_object('file_id', file_id, 'user_id', user_id, 'version', version)
    FROM saved WHERE deleted AND last
    """,
    "checker": """
    SELECT CASE outcome WHEN 'failed' THEN 'CheckFailed' ELSE 'FileChecked' END AS type,
           'checks-' || file_id AS stream_id, version, user_id, checked_at AS recorded_at,
           jsonb_build_object('check_id', check_id, 'file_id', file_id, 'user_id', user_id,
               'file_name', name, 'version', version, 'sha256', sha256, 'engine', 'ruff 0.17.6',
               'profile', 'standard 0123456789ab', 'started_at', checked_at, 'duration_ms', 14,
               'outcome', outcome, 'verdict', verdict, 'counts', counts, 'truncated', false,
               'findings', findings, 'fixed', '[]'::jsonb, 'reason', 'timeout') AS data
    FROM checked
    """,
    "notifier": """
    SELECT 'EmailQueued' AS type, 'mail-' || mail_id AS stream_id, 1 AS version, user_id,
           checked_at AS recorded_at,
           jsonb_build_object('mail_id', mail_id, 'user_id', user_id, 'kind', 'check_result',
               'check_id', check_id) AS data FROM checked
    UNION ALL
    SELECT 'EmailSent', 'mail-' || mail_id, 2, user_id, checked_at + interval '1 second',
           jsonb_build_object('mail_id', mail_id, 'user_id', user_id, 'check_id', check_id,
               'message_id', '<' || mail_id || '@example.org>', 'attempts', 1, 'reply', '250 Ok',
               'sent_at', checked_at) FROM checked
    """,
    "auth": """
    SELECT 'UserRegistered' AS type, 'user-' || user_id AS stream_id, 1 AS version, user_id,
           min(at) AS recorded_at, jsonb_build_object('user_id', user_id, 'language', 'en') AS data
    FROM plan GROUP BY user_id
    """,
}
_TELL = """
INSERT INTO {service}.events (event_id, stream_id, version, type, schema_version, data, metadata,
                              recorded_at)
SELECT gen_random_uuid(), stream_id, version, type, 1, data,
       jsonb_build_object('user_id', user_id, 'correlation_id', gen_random_uuid()), recorded_at
FROM ({events}) AS told ORDER BY recorded_at
"""
# Nothing is left to be published.
_TOLD = """
INSERT INTO {service}.checkpoints (name, position)
SELECT 'relay', max(position) FROM {service}.events
ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
_JOURNAL = """
INSERT INTO reports.journal (event_id, stream_id, version, type, schema_version, user_id, data,
                             metadata, recorded_at)
SELECT event_id, stream_id, version, type, schema_version, (metadata ->> 'user_id')::uuid, data,
       metadata, recorded_at FROM {service}.events ORDER BY position
ON CONFLICT DO NOTHING
"""
_HEARD = {
    "files": ("auth",),
    "checker": ("files", "auth"),
    "notifier": ("checker", "auth"),
    "reports": ("files", "checker", "notifier", "auth"),
}
_ERASED = """
INSERT INTO {service}.erased_users (user_id)
SELECT gen_random_uuid() FROM generate_series(1, $1::int)
"""
_INBOX = """
INSERT INTO {consumer}.inbox (consumer, event_id, digest, received_at)
SELECT '{consumer}', event_id, sha256(event_id::text::bytea) || sha256(event_id::text::bytea),
       now() - interval '1 day' * random() * 29
FROM {service}.events
ON CONFLICT DO NOTHING
"""


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", size: Size) -> int:
    """Fill the migrated schemas, as their administrator; how many events the journal has then."""
    people, files, big_files, versions, erased = astuple(size)
    await connection.execute("SET synchronous_commit = off")
    await connection.execute(_PLAN, people, files, big_files)
    await connection.execute(_VERSIONS, versions)
    await connection.execute(f"{_CHECKED}; CREATE INDEX ON checked (file_id); ANALYZE checked")
    for statement in ROWS:
        await connection.execute(statement)
    for service, events in _EVENTS.items():
        async with connection.transaction():
            await connection.execute(_TELL.format(service=service, events=events))
            await connection.execute(_TOLD.format(service=service))
        await connection.execute(_JOURNAL.format(service=service))
    for consumer, services in _HEARD.items():
        for service in services:
            await connection.execute(_INBOX.format(consumer=consumer, service=service))
    for service in SCHEMAS:
        await connection.execute(_ERASED.format(service=service), erased)
    await connection.execute("VACUUM ANALYZE")
    return int(await connection.fetchval("SELECT count(*) FROM reports.journal"))


async def main(size: Size, server: str) -> None:
    database = await create_template(server)
    connection = await database.admin()
    began = time.monotonic()
    events = await fill(connection, size)
    stored = await connection.fetchval("SELECT pg_database_size(current_database())")
    await connection.close()
    seconds = time.monotonic() - began
    print(f"{events} events, {stored / 2**30:.1f} GiB, filled in {seconds:.0f} s")


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    people, files, versions = [*given, *(1000, 50, 2)[len(given) :]]
    asked = Size(people, files, versions=versions)
    with tempfile.TemporaryDirectory() as folder, private_postgres(Path(folder)) as running:
        asyncio.run(main(asked, running.url))
