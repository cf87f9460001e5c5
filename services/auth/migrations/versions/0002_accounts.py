"""Confirmation, preferences, tokens, links, throttling, devices, the security log."""

from alembic import op

from shared.eventsourcing.schema import ERASED_USERS

revision = "0002"
down_revision = "0001"

USERS = """
ALTER TABLE users
    ADD COLUMN email_confirmed_at timestamptz,
    ADD COLUMN pending_email      text,
    ADD COLUMN time_zone          text NOT NULL DEFAULT 'auto',
    ADD COLUMN theme              text NOT NULL DEFAULT 'auto'
        CHECK (theme IN ('auto', 'light', 'dark')),
    ADD COLUMN mail_on_new_device boolean NOT NULL DEFAULT true
"""

# Where a session was begun and last used, as the person sees it in the list.
SESSIONS = """
ALTER TABLE sessions
    ADD COLUMN device  text NOT NULL DEFAULT '',
    ADD COLUMN address text NOT NULL DEFAULT ''
"""

API_TOKENS = """
CREATE TABLE api_tokens (
    token_id     uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL,
    scopes       text[] NOT NULL,
    token_hash   bytea NOT NULL UNIQUE,
    hint         text NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz
)
"""

# A wish for a mail about the account. Its links are good until one of them is used.
MAIL_REQUESTS = """
CREATE TABLE mail_requests (
    request_id   uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind         text NOT NULL,
    email        text NOT NULL,
    details      jsonb NOT NULL,
    requested_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
)
"""

LINKS = """
CREATE TABLE links (
    token_hash bytea PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES mail_requests ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
)
"""

# One row per counted attempt. The key is a digest with a secret: it names nobody.
THROTTLE = """
CREATE TABLE throttle (
    key        bytea NOT NULL,
    at         timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
)
"""

DEVICES = """
CREATE TABLE devices (
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    device_hash   bytea NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, device_hash)
)
"""

SECURITY_LOG = """
CREATE TABLE security_log (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    at       timestamptz NOT NULL,
    kind     text NOT NULL,
    device   text NOT NULL,
    address  text NOT NULL
)
"""

INDEXES = (
    "CREATE INDEX sessions_user ON sessions (user_id)",
    "CREATE INDEX session_tokens_session ON session_tokens (session_id)",
    "CREATE INDEX api_tokens_user ON api_tokens (user_id)",
    "CREATE INDEX mail_requests_user ON mail_requests (user_id)",
    "CREATE INDEX links_request ON links (request_id)",
    "CREATE INDEX throttle_key ON throttle (key, at)",
    "CREATE INDEX throttle_expires ON throttle (expires_at)",
    "CREATE INDEX security_log_user ON security_log (user_id, entry_id)",
    "CREATE INDEX security_log_at ON security_log (at)",
)


def upgrade() -> None:
    for statement in (
        USERS,
        SESSIONS,
        API_TOKENS,
        MAIL_REQUESTS,
        LINKS,
        THROTTLE,
        DEVICES,
        SECURITY_LOG,
        ERASED_USERS,
        *INDEXES,
    ):
        op.execute(statement)
