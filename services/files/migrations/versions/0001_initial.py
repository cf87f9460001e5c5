"""Event store, files and their versions, contents, limits, repeated requests."""

from shared.eventsourcing.schema import CONSUMER, event_store
from shared.migrations import execute

revision = "0001"
down_revision = None

# Each content once, whoever saved it.
CONTENTS = """
CREATE TABLE contents (
    sha256  text PRIMARY KEY CHECK (sha256 = encode(sha256(content), 'hex')),
    content bytea NOT NULL
);
"""
# Contents that lost an owner, so that the sweep looks at nothing else. One that is noted may be
# somebody's all the same: the sweep looks before it deletes.
UNWANTED_CONTENTS = """
CREATE TABLE unwanted_contents (
    sha256 text PRIMARY KEY
);
"""

# A deleted file can be restored until it is erased. `saved_at` is of the last version.
FILES = """
CREATE TABLE files (
    file_id    uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    name       text NOT NULL,
    version    int NOT NULL,
    saved_at   timestamptz,
    deleted    boolean NOT NULL,
    deleted_at timestamptz,
    erased     boolean NOT NULL DEFAULT false
);
"""
# `files_name` is the invariant behind "this name is taken". `files_of_user` is for an erasure, to
# which deleted files belong as well.
INDEXES_OF_FILES = """
CREATE UNIQUE INDEX files_name ON files (user_id, name) WHERE NOT deleted;
CREATE INDEX files_newest ON files (user_id, saved_at) WHERE NOT deleted;
CREATE INDEX files_deleted ON files (deleted_at) WHERE deleted AND NOT erased;
CREATE INDEX files_of_user ON files (user_id);
"""

# A content belongs to a person as long as a version of theirs that is `kept` has it.
FILE_VERSIONS = """
CREATE TABLE file_versions (
    file_id  uuid NOT NULL,
    version  int NOT NULL,
    user_id  uuid NOT NULL,
    name     text NOT NULL,
    size     bigint NOT NULL,
    sha256   text NOT NULL,
    saved_at timestamptz NOT NULL,
    kept     boolean NOT NULL DEFAULT true,
    PRIMARY KEY (file_id, version)
);
CREATE INDEX file_versions_user ON file_versions (user_id, sha256, size) WHERE kept;
CREATE INDEX file_versions_sha256 ON file_versions (sha256) WHERE kept;
CREATE INDEX file_versions_of_user ON file_versions (user_id);
"""

# What a person uses, so that nobody has to count it: files that are not deleted, bytes of contents.
USAGE = """
CREATE TABLE usage (
    user_id uuid PRIMARY KEY,
    files   bigint NOT NULL,
    bytes   bigint NOT NULL
);
"""
# A token bucket for each person who uploads: the time at which it is full again.
UPLOAD_BUCKETS = """
CREATE TABLE upload_buckets (
    user_id uuid PRIMARY KEY,
    full_at timestamptz NOT NULL
);
"""

# `answer` is a `json`, not a `jsonb`: whoever repeats a request gets the same bytes.
IDEMPOTENCY_KEYS = """
CREATE TABLE idempotency_keys (
    user_id     uuid NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    answer      json,
    claimed_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_claimed ON idempotency_keys (claimed_at);
"""

# A command begins in one round trip. The first statement takes the append lock; the second sees
# what was committed meanwhile.
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
GRANTS = """
REVOKE ALL ON FUNCTION begin_command(uuid, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION begin_command(uuid, text, uuid) TO prereview_files;
"""


def upgrade() -> None:
    execute(
        *event_store("files"),
        CONSUMER,
        *(CONTENTS, UNWANTED_CONTENTS, FILES, INDEXES_OF_FILES, FILE_VERSIONS),
        *(USAGE, UPLOAD_BUCKETS, IDEMPOTENCY_KEYS),
        *(BEGIN_COMMAND, GRANTS),
    )
