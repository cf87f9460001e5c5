"""What people use, and what is newest, without counting; a command begins in one round trip."""

from alembic import op

revision = "0007"
down_revision = "0006"

USAGE = """
CREATE TABLE usage (
    user_id uuid PRIMARY KEY,
    files   bigint NOT NULL,
    bytes   bigint NOT NULL
)
"""
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('files/append', 0))"
COUNT = """
INSERT INTO usage (user_id, files, bytes)
SELECT user_id, count(*) FILTER (WHERE NOT deleted), 0 FROM files GROUP BY user_id
"""
SUM = """
UPDATE usage SET bytes = kept.bytes FROM (
    SELECT user_id, sum(size) AS bytes
    FROM (SELECT DISTINCT user_id, sha256, size FROM file_versions WHERE kept) AS once
    GROUP BY user_id
) AS kept WHERE kept.user_id = usage.user_id
"""

SAVED_AT = "ALTER TABLE files ADD COLUMN saved_at timestamptz"
SAVED = """
UPDATE files SET saved_at = v.saved_at FROM file_versions AS v
WHERE (v.file_id, v.version) = (files.file_id, files.version)
"""
NEWEST = "CREATE INDEX files_newest ON files (user_id, saved_at) WHERE NOT deleted"

# Takes the append lock first; the second statement sees what was committed meanwhile.
BEGIN_COMMAND = """
CREATE FUNCTION begin_command(person uuid, wanted text, but uuid)
RETURNS TABLE (is_erased boolean, taken_by uuid, bucket_full_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('files/append', 0));
    RETURN QUERY SELECT
        EXISTS (SELECT FROM files.erased_users WHERE user_id = person),
        (SELECT file_id FROM files.files
         WHERE user_id = person AND name = wanted AND NOT deleted AND file_id <> but),
        (SELECT full_at FROM files.upload_buckets WHERE user_id = person);
END $$
"""
GRANTS = (
    "REVOKE ALL ON FUNCTION begin_command(uuid, text, uuid) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION begin_command(uuid, text, uuid) TO prereview_files",
)


def upgrade() -> None:
    for statement in (
        LOCK,
        USAGE,
        COUNT,
        SUM,
        SAVED_AT,
        SAVED,
        NEWEST,
        BEGIN_COMMAND,
        *GRANTS,
    ):
        op.execute(statement)
