"""Event store, files and their versions to check, what checks add up to."""

from shared.eventsourcing.schema import CONSUMER, event_store
from shared.migrations import execute

revision = "0001"
down_revision = None

# What is known of each file, from events in any order. `sequence` is the last event of its stream
# that decided whether it is deleted.
FILES = """
CREATE TABLE files (
    file_id  uuid PRIMARY KEY,
    user_id  uuid NOT NULL,
    sequence int NOT NULL,
    deleted  boolean NOT NULL
);
CREATE INDEX files_user ON files (user_id);
"""

# Every version is due for a check of its own.
# - `size` in bytes is empty where the event does not name it.
# - `deleted` repeats that of the file: what waits for nothing is not looked at again and again.
# - `claimed_by` is the running copy that holds the claim: it ends with that copy, at the latest at
#   `claimed_until`.
# - `deaths` counts the copies that ended while they checked the version.
# - `unfinished` counts how often no result could be recorded: each time the version waits longer.
# - `slow` names the engine and profile under which the check took longer than others wait for.
# - `causation_id` is the event that made the version due, `correlation_id` the request behind it.
VERSIONS = """
CREATE TABLE versions (
    file_id        uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    version        int NOT NULL,
    user_id        uuid NOT NULL,
    name           text NOT NULL,
    sha256         text NOT NULL,
    size           int,
    changed_at     timestamptz NOT NULL,
    deleted        boolean NOT NULL,
    checked        boolean NOT NULL DEFAULT false,
    claimed_by     int,
    claimed_until  timestamptz,
    deaths         int NOT NULL DEFAULT 0,
    unfinished     int NOT NULL DEFAULT 0,
    slow           text,
    correlation_id uuid,
    causation_id   uuid,
    traceparent    text,
    PRIMARY KEY (file_id, version)
);
"""
# `versions_waiting` finds the earliest of each file, however many versions have their result.
INDEXES_OF_VERSIONS = """
CREATE INDEX versions_waiting ON versions (file_id, version) WHERE NOT checked AND NOT deleted;
CREATE INDEX versions_claimed ON versions (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX versions_slow ON versions (slow, sha256) WHERE slow IS NOT NULL;
CREATE INDEX versions_user ON versions (user_id);
"""

# `state` is a `json`, not a `jsonb`: the order of what was seen matters. A row may be deleted at
# any time, for instance when its shape changes: it is made anew from the stream `checks-<file id>`.
HISTORIES = """
CREATE TABLE histories (
    file_id uuid PRIMARY KEY,
    version int NOT NULL,
    state   json NOT NULL
);
"""


def upgrade() -> None:
    execute(
        *event_store("checker"),
        CONSUMER,
        *(FILES, VERSIONS, INDEXES_OF_VERSIONS, HISTORIES),
    )
