"""Mails about accounts, mails that wait for a confirmed address, people to forget."""

from alembic import op

from shared.eventsourcing.schema import ERASED_USERS

revision = "0002"
down_revision = "0001"

# A mail is about a check or answers a request of auth's. The last three say what led to it.
MAILS = """
ALTER TABLE mails
    ADD COLUMN kind text NOT NULL DEFAULT 'check_result',
    ADD COLUMN request_id uuid,
    ADD COLUMN correlation_id uuid,
    ADD COLUMN causation_id uuid,
    ADD COLUMN traceparent text,
    ALTER COLUMN check_id DROP NOT NULL,
    ADD CONSTRAINT mails_about CHECK (num_nonnulls(check_id, request_id) = 1),
    DROP CONSTRAINT mails_state_check,
    ADD CONSTRAINT mails_state_check
        CHECK (state IN ('queued', 'held', 'sending', 'sent', 'failed', 'suppressed'))
"""
KIND_IS_GIVEN = "ALTER TABLE mails ALTER COLUMN kind DROP DEFAULT"
CAUSES = """
UPDATE mails SET
    correlation_id = CAST(events.metadata ->> 'correlation_id' AS uuid),
    causation_id = CAST(events.metadata ->> 'causation_id' AS uuid),
    traceparent = events.metadata ->> 'traceparent'
FROM events
WHERE mails.due_at IS NOT NULL
  AND events.stream_id = 'mail-' || mails.mail_id AND events.version = 1
"""
# The sender takes mails about accounts first: somebody sits before a screen and waits for them.
NO_DUE = "DROP INDEX mails_due"
DUE = "CREATE INDEX mails_due ON mails ((kind = 'check_result'), due_at) WHERE due_at IS NOT NULL"
OPEN = "CREATE INDEX mails_open ON mails (user_id) WHERE state IN ('queued', 'held', 'sending')"
CONFIRMED_USERS = "CREATE TABLE confirmed_users (user_id uuid PRIMARY KEY)"


def upgrade() -> None:
    for statement in (MAILS, KIND_IS_GIVEN, CAUSES, NO_DUE, DUE, OPEN):
        op.execute(statement)
    for statement in (CONFIRMED_USERS, ERASED_USERS):
        op.execute(statement)
