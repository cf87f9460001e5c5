"""Deleted files with an end, limits, repeated requests, people who are gone."""

from alembic import op

from shared.eventsourcing.schema import ERASED_USERS

revision = "0002"
down_revision = "0001"

FILES = """
ALTER TABLE files
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN erased     boolean NOT NULL DEFAULT false
"""
DELETED_AT = """
UPDATE files SET deleted_at = (
    SELECT max(recorded_at) FROM events
    WHERE stream_id = 'file-' || file_id AND type = 'FileDeleted'
) WHERE deleted
"""
FILES_DELETED = "CREATE INDEX files_deleted ON files (deleted_at) WHERE deleted AND NOT erased"

# Contents belong to somebody as long as one version that is kept has them.
FILE_VERSIONS = "ALTER TABLE file_versions ADD COLUMN kept boolean NOT NULL DEFAULT true"
VERSIONS_USER = """
CREATE INDEX file_versions_user ON file_versions (user_id, sha256, size) WHERE kept
"""
VERSIONS_SHA256 = "CREATE INDEX file_versions_sha256 ON file_versions (sha256) WHERE kept"

UPLOAD_BUCKETS = """
CREATE TABLE upload_buckets (
    user_id uuid PRIMARY KEY,
    full_at timestamptz NOT NULL
)
"""

IDEMPOTENCY_KEYS = """
CREATE TABLE idempotency_keys (
    user_id     uuid NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    answer      json,
    claimed_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
)
"""
KEYS_CLAIMED = "CREATE INDEX idempotency_keys_claimed ON idempotency_keys (claimed_at)"


def upgrade() -> None:
    for statement in (
        ERASED_USERS,
        FILES,
        DELETED_AT,
        FILES_DELETED,
        FILE_VERSIONS,
        VERSIONS_USER,
        VERSIONS_SHA256,
        UPLOAD_BUCKETS,
        IDEMPOTENCY_KEYS,
        KEYS_CLAIMED,
    ):
        op.execute(statement)
