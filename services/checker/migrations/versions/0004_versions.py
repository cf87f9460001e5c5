"""Every version is due for its own check, not a file for that of its last version."""

from alembic import op

revision = "0004"
down_revision = "0003"

# `deleted` repeats that of the file: what waits for nothing is not looked at again and again.
# `causation_id` is the event that made the version due, `correlation_id` the request behind it;
# empty for what was due before they were kept. A claim is a lease: a dead copy holds it no longer.
VERSIONS = """
CREATE TABLE versions (
    file_id        uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    version        int NOT NULL,
    user_id        uuid NOT NULL,
    name           text NOT NULL,
    sha256         text NOT NULL,
    changed_at     timestamptz NOT NULL,
    deleted        boolean NOT NULL,
    checked        boolean NOT NULL DEFAULT false,
    claimed_until  timestamptz,
    correlation_id uuid,
    causation_id   uuid,
    traceparent    text,
    PRIMARY KEY (file_id, version)
)
"""
DUE = "CREATE INDEX versions_due ON versions (changed_at) WHERE NOT checked AND NOT deleted"
# Of versions before the last nothing is known: they stay as they are.
LAST = """
INSERT INTO versions (file_id, version, user_id, name, sha256, changed_at, deleted, checked,
                      correlation_id, causation_id, traceparent)
SELECT file_id, version, user_id, name, sha256, changed_at, deleted, checked_version >= version,
       correlation_id, causation_id, traceparent
FROM files WHERE version > 0
"""
MOVED = """
ALTER TABLE files
    DROP COLUMN version, DROP COLUMN name, DROP COLUMN sha256, DROP COLUMN changed_at,
    DROP COLUMN checked_version, DROP COLUMN claimed_until,
    DROP COLUMN correlation_id, DROP COLUMN causation_id, DROP COLUMN traceparent
"""


def upgrade() -> None:
    for statement in (VERSIONS, DUE, LAST, MOVED):
        op.execute(statement)
