"""Event store, journal, files, checks, mails."""

from alembic import op

from shared.eventsourcing.schema import event_store_v1

revision = "0001"
down_revision = None

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
)
"""
JOURNAL_OF_USER = "CREATE INDEX journal_user ON journal (user_id, position)"

# `sequence` is the last event of the stream that decided between living and deleted. Columns are
# empty until their event has come, in whatever order.
FILES = """
CREATE TABLE files (
    file_id     uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    sequence    int NOT NULL,
    deleted     boolean NOT NULL,
    version     int NOT NULL DEFAULT 0,
    name        text,
    size        bigint,
    sha256      text,
    uploaded_at timestamptz
)
"""
FILES_OF_USER = """
CREATE INDEX files_user ON files (user_id, uploaded_at DESC, file_id)
WHERE NOT deleted AND version > 0
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
)
"""
CHECKS_OF_FILE = "CREATE INDEX checks_file ON checks (file_id, version DESC, checked_at DESC)"
CHECKS_OF_USER = "CREATE INDEX checks_user ON checks (user_id, checked_at DESC, check_id)"

MAILS = """
CREATE TABLE mails (
    mail_id         uuid PRIMARY KEY,
    check_id        uuid,
    user_id         uuid NOT NULL,
    sequence        int NOT NULL,
    state           text NOT NULL,
    attempts        int NOT NULL,
    sent_at         timestamptz,
    message_id      text,
    reply           text,
    reason          text,
    next_attempt_at timestamptz
)
"""
MAILS_OF_CHECK = "CREATE INDEX mails_check ON mails (check_id)"


def upgrade() -> None:
    for statement in event_store_v1("reports"):
        op.execute(statement)
    for statement in (JOURNAL, JOURNAL_OF_USER, FILES, FILES_OF_USER, CHECKS, CHECKS_OF_FILE):
        op.execute(statement)
    for statement in (CHECKS_OF_USER, MAILS, MAILS_OF_CHECK):
        op.execute(statement)
