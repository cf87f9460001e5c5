"""Marks and states of files, mails of accounts, and who is to be forgotten."""

from alembic import op
from sqlalchemy import text

from shared.eventsourcing.schema import ERASED_USERS

revision = "0002"
down_revision = "0001"

# `folded` is what names are searched and ordered by. It is folded by the program and ordered by
# code points, because what the database would do differs between servers.
# `check_id` to `verdict` are of the newest check. `mark` and `state` are derived here and nowhere
# else; a check says something about the file only while its version is the last.
FILES = """
ALTER TABLE files
    ADD deleted_at    timestamptz,
    ADD erased        boolean NOT NULL DEFAULT false,
    ADD folded        text COLLATE "C",
    ADD check_id      uuid,
    ADD check_version int NOT NULL DEFAULT 0,
    ADD checked_at    timestamptz,
    ADD verdict       text,
    ADD mark text GENERATED ALWAYS AS (
        CASE WHEN deleted THEN 'deleted' WHEN version = 1 THEN 'new' ELSE 'replaced' END
    ) STORED,
    ADD state text GENERATED ALWAYS AS (
        CASE WHEN check_version <> version THEN 'waiting' ELSE coalesce(verdict, 'failed') END
    ) STORED
"""
INDEXES = (
    "DROP INDEX files_user",
    "CREATE INDEX files_user ON files (user_id, deleted, uploaded_at, file_id)",
    "CREATE INDEX files_name ON files (user_id, deleted, folded, file_id) WHERE version > 0",
    "CREATE INDEX files_size ON files (user_id, deleted, size, file_id) WHERE version > 0",
    "CREATE INDEX files_state ON files (user_id, deleted, state, mark) WHERE version > 0",
    "DROP INDEX checks_file",
    "CREATE INDEX checks_file ON checks (file_id, checked_at, check_id)",
    "CREATE INDEX mails_user ON mails (user_id, queued_at, mail_id)",
)
MAILS = "ALTER TABLE mails ADD kind text, ADD queued_at timestamptz"

# What the projections would have written.
DELETIONS = """
UPDATE files f SET deleted_at = j.recorded_at FROM journal j
WHERE f.deleted AND j.stream_id = 'file-' || f.file_id AND j.version = f.sequence
"""
LAST_CHECKS = """
INSERT INTO files (file_id, user_id, sequence, deleted, check_id, check_version, checked_at,
                   verdict)
SELECT DISTINCT ON (file_id) file_id, user_id, 0, false, check_id, version, checked_at, verdict
FROM checks ORDER BY file_id, version DESC, checked_at DESC, check_id DESC
ON CONFLICT (file_id) DO UPDATE SET
    check_id = excluded.check_id, check_version = excluded.check_version,
    checked_at = excluded.checked_at, verdict = excluded.verdict
"""
QUEUED = """
UPDATE mails m SET kind = j.data ->> 'kind', queued_at = j.recorded_at FROM journal j
WHERE j.type = 'EmailQueued' AND CAST(j.data ->> 'mail_id' AS uuid) = m.mail_id
"""


def upgrade() -> None:
    for statement in (ERASED_USERS, FILES, MAILS, DELETIONS, LAST_CHECKS, QUEUED):
        op.execute(statement)
    _fold_names()
    for statement in INDEXES:
        op.execute(statement)


def _fold_names() -> None:
    connection = op.get_bind()
    rows = connection.execute(text("SELECT file_id, name FROM files WHERE name IS NOT NULL"))
    folded = [{"file_id": row.file_id, "folded": row.name.casefold()} for row in rows]
    if folded:
        connection.execute(
            text("UPDATE files SET folded = :folded WHERE file_id = :file_id"), folded
        )
