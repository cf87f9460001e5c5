"""Event store, the journal of all events, and the read tables of files, checks and mails."""

from shared.eventsourcing.schema import CONSUMER, event_store
from shared.migrations import execute

revision = "0001"
down_revision = None

# Every event of every service, in the order of its arrival. The tables below are rebuilt from it.
JOURNAL = """
CREATE TABLE journal (
    position       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id       uuid NOT NULL UNIQUE,
    stream_id      text NOT NULL,
    version        int NOT NULL,
    type           text NOT NULL,
    schema_version smallint NOT NULL,
    user_id        uuid,
    data           jsonb NOT NULL,
    metadata       jsonb NOT NULL,
    recorded_at    timestamptz NOT NULL,
    UNIQUE (stream_id, version)
);
CREATE INDEX journal_user ON journal (user_id, position);
"""

# Columns are empty until their event has come, in whatever order.
# - `sequence` is the last event of the file's stream that decided whether it is deleted.
# - `folded` is what names are searched and ordered by. The program folds it and code points order
#   it, because what the database would do differs between servers.
# - `check_id` to `verdict` are of the newest check.
# - `mark` and `state` are derived here and nowhere else; a check says something about the file only
#   while its version is the last.
FILES = """
CREATE TABLE files (
    file_id       uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    sequence      int NOT NULL,
    deleted       boolean NOT NULL,
    deleted_at    timestamptz,
    erased        boolean NOT NULL DEFAULT false,
    version       int NOT NULL DEFAULT 0,
    name          text,
    folded        text COLLATE "C",
    size          bigint,
    sha256        text,
    uploaded_at   timestamptz,
    check_id      uuid,
    check_version int NOT NULL DEFAULT 0,
    checked_at    timestamptz,
    verdict       text,
    mark text GENERATED ALWAYS AS (
        CASE WHEN deleted THEN 'deleted' WHEN version = 1 THEN 'new' ELSE 'replaced' END
    ) STORED,
    state text GENERATED ALWAYS AS (
        CASE WHEN check_version <> version THEN 'waiting' ELSE coalesce(verdict, 'failed') END
    ) STORED
);
"""
# By what lists are ordered, with what they are searched and filtered by: rows are read only of the
# files that are shown. `files_of_user` is for an erasure, which also needs the files whose upload
# has not arrived.
INDEXES_OF_FILES = """
CREATE INDEX files_user ON files (user_id, deleted, uploaded_at, file_id)
    INCLUDE (state, mark, folded) WHERE version > 0;
CREATE INDEX files_name ON files (user_id, deleted, folded, file_id) WHERE version > 0;
CREATE INDEX files_size ON files (user_id, deleted, size, file_id) WHERE version > 0;
CREATE INDEX files_state ON files (user_id, deleted, state, uploaded_at, file_id)
    INCLUDE (mark) WHERE version > 0;
CREATE INDEX files_of_user ON files (user_id);
"""

CHECKS = """
CREATE TABLE checks (
    check_id    uuid PRIMARY KEY,
    file_id     uuid NOT NULL,
    user_id     uuid NOT NULL,
    file_name   text NOT NULL,
    version     int NOT NULL,
    sha256      text NOT NULL,
    engine      text NOT NULL,
    profile     text NOT NULL,
    started_at  timestamptz NOT NULL,
    checked_at  timestamptz NOT NULL,
    duration_ms int NOT NULL,
    outcome     text NOT NULL,
    reason      text,
    verdict     text,
    counts      jsonb NOT NULL,
    truncated   boolean NOT NULL,
    findings    jsonb NOT NULL,
    fixed       jsonb NOT NULL
);
CREATE INDEX checks_file ON checks (file_id, checked_at, check_id);
CREATE INDEX checks_user ON checks (user_id, checked_at DESC, check_id);
"""

# `sequence` is the last event of the mail's stream that the row knows.
MAILS = """
CREATE TABLE mails (
    mail_id         uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    kind            text,
    check_id        uuid,
    sequence        int NOT NULL,
    state           text NOT NULL,
    attempts        int NOT NULL,
    queued_at       timestamptz,
    next_attempt_at timestamptz,
    sent_at         timestamptz,
    message_id      text,
    reply           text,
    reason          text
);
CREATE INDEX mails_check ON mails (check_id);
CREATE INDEX mails_user ON mails (user_id, queued_at, mail_id);
"""


def upgrade() -> None:
    execute(
        *event_store("reports"),
        CONSUMER,
        *(JOURNAL, FILES, INDEXES_OF_FILES, CHECKS, MAILS),
    )
