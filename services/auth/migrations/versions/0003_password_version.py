"""Passwords by number, and what is thrown away found by its time."""

from alembic import op

revision = "0003"
down_revision = "0002"

# A hash changes also when it is made anew at another cost; the number with the password alone.
VERSION = "ALTER TABLE users ADD COLUMN password_version int NOT NULL DEFAULT 1"
# None for the last use of a session: it changes at every use, and few rows are read for it.
INDEXES = (
    "session_tokens_replaced ON session_tokens (replaced_at) WHERE replaced_at IS NOT NULL",
    "sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL",
    "mail_requests_expiry ON mail_requests (expires_at)",
    "devices_last_seen ON devices (last_seen_at)",
)


def upgrade() -> None:
    op.execute(VERSION)
    for index in INDEXES:
        op.execute(f"CREATE INDEX {index}")
