"""Event store, mails, people whose address is confirmed."""

from shared.eventsourcing.schema import CONSUMER, event_store
from shared.migrations import execute

revision = "0001"
down_revision = None

# A mail is about a check or answers a request of auth's.
# - `result` is the event that the mail is about, `type` its type.
# - `due_at` is empty once nothing more will be tried.
# - `claimed_by` is the running copy that holds the claim: it ends with that copy.
# - `deaths` counts the copies that ended while they sent the mail.
# - `unfinished` counts how often a running copy could not bring the mail to an end: each time it
#   waits longer.
# - `accepted` is what the mail server has accepted and could not be recorded yet.
# - `causation_id` and `correlation_id` are the event and the request that led to the mail.
MAILS = """
CREATE TABLE mails (
    mail_id        uuid PRIMARY KEY,
    user_id        uuid NOT NULL,
    kind           text NOT NULL,
    check_id       uuid,
    request_id     uuid,
    type           text NOT NULL,
    result         jsonb NOT NULL,
    queued_at      timestamptz NOT NULL,
    state          text NOT NULL CHECK (
        state IN ('queued', 'held', 'sending', 'sent', 'failed', 'suppressed')),
    attempts       int NOT NULL DEFAULT 0,
    due_at         timestamptz,
    claimed_by     int,
    deaths         int NOT NULL DEFAULT 0,
    unfinished     int NOT NULL DEFAULT 0,
    accepted       jsonb,
    correlation_id uuid,
    causation_id   uuid,
    traceparent    text,
    CONSTRAINT mails_about CHECK (num_nonnulls(check_id, request_id) = 1)
);
"""
# Mails about accounts are sent in the order of their time, results person by person.
INDEXES_OF_MAILS = """
CREATE INDEX mails_account ON mails (due_at) WHERE due_at IS NOT NULL AND kind <> 'check_result';
CREATE INDEX mails_results ON mails (user_id, due_at)
    WHERE due_at IS NOT NULL AND kind = 'check_result';
CREATE INDEX mails_claimed ON mails (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX mails_open ON mails (user_id) WHERE state IN ('queued', 'held', 'sending');
"""

CONFIRMED_USERS = """
CREATE TABLE confirmed_users (
    user_id uuid PRIMARY KEY
);
"""


def upgrade() -> None:
    execute(
        *event_store("notifier"),
        CONSUMER,
        *(MAILS, INDEXES_OF_MAILS, CONFIRMED_USERS),
    )
