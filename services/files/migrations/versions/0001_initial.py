"""Event store, contents, files."""

from alembic import op

from shared.eventsourcing.schema import event_store_v1

revision = "0001"
down_revision = None

CONTENTS = """
CREATE TABLE contents (
    sha256  text PRIMARY KEY CHECK (sha256 = encode(sha256(content), 'hex')),
    content bytea NOT NULL
)
"""

FILES = """
CREATE TABLE files (
    file_id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    name    text NOT NULL,
    version int NOT NULL,
    deleted boolean NOT NULL
)
"""

# The invariant behind "this name is taken": one living file per name and user.
FILE_NAMES = "CREATE UNIQUE INDEX files_name ON files (user_id, name) WHERE NOT deleted"

FILE_VERSIONS = """
CREATE TABLE file_versions (
    file_id  uuid NOT NULL,
    version  int NOT NULL,
    user_id  uuid NOT NULL,
    name     text NOT NULL,
    size     bigint NOT NULL,
    sha256   text NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (file_id, version)
)
"""


def upgrade() -> None:
    for statement in event_store_v1("files"):
        op.execute(statement)
    for statement in (CONTENTS, FILES, FILE_NAMES, FILE_VERSIONS):
        op.execute(statement)
