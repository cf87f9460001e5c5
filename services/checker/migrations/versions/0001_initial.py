"""Event store, files to check."""

from alembic import op

from shared.eventsourcing.schema import event_store_v1

revision = "0001"
down_revision = None

# What the checker knows of each file, from events in any order. `sequence` is the last event that
# decided between living and deleted; a claim is a lease: a copy that dies holds it no longer.
FILES = """
CREATE TABLE files (
    file_id         uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    sequence        int NOT NULL,
    deleted         boolean NOT NULL,
    version         int NOT NULL DEFAULT 0,
    name            text,
    sha256          text,
    changed_at      timestamptz,
    checked_version int NOT NULL DEFAULT 0,
    claimed_until   timestamptz
)
"""
DUE = """
CREATE INDEX files_due ON files (changed_at) WHERE NOT deleted AND version > checked_version
"""


def upgrade() -> None:
    for statement in event_store_v1("checker"):
        op.execute(statement)
    for statement in (FILES, DUE):
        op.execute(statement)
