"""Event store, users, sessions."""

from alembic import op

from shared.eventsourcing.schema import event_store_v1

revision = "0001"
down_revision = None

USERS = """
CREATE TABLE users (
    user_id       uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    language      text NOT NULL,
    created_at    timestamptz NOT NULL
)
"""

SESSIONS = """
CREATE TABLE sessions (
    session_id   uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('web', 'api')),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    ended_at     timestamptz
)
"""

# A web session keeps one token for its life; an API session replaces its token at every refresh.
SESSION_TOKENS = """
CREATE TABLE session_tokens (
    token_hash  bytea PRIMARY KEY,
    session_id  uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    replaced_at timestamptz
)
"""


def upgrade() -> None:
    for statement in event_store_v1("auth"):
        op.execute(statement)
    for statement in (USERS, SESSIONS, SESSION_TOKENS):
        op.execute(statement)
