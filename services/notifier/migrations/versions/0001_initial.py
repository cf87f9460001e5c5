"""Event store, mails."""

from alembic import op

from shared.eventsourcing.schema import event_store_v1

revision = "0001"
down_revision = None

# `result` is the event to tell about. `due_at` is empty once nothing more will be tried.
MAILS = """
CREATE TABLE mails (
    mail_id  uuid PRIMARY KEY,
    user_id  uuid NOT NULL,
    check_id uuid NOT NULL,
    type     text NOT NULL,
    result   jsonb NOT NULL,
    queued_at timestamptz NOT NULL,
    state    text NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'suppressed')),
    attempts int NOT NULL DEFAULT 0,
    due_at   timestamptz
)
"""
DUE = "CREATE INDEX mails_due ON mails (due_at) WHERE due_at IS NOT NULL"


def upgrade() -> None:
    for statement in event_store_v1("notifier"):
        op.execute(statement)
    for statement in (MAILS, DUE):
        op.execute(statement)
