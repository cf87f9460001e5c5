"""Event store, people, and how they get in: sessions, tokens, links, second factors."""

from shared.eventsourcing.schema import event_store
from shared.migrations import execute

revision = "0001"
down_revision = None

# The one row that knows a person.
# - `ascii_email` and `pending_ascii_email` are where mail goes: the domain in ASCII by IDNA 2008.
# - `password_version` changes with the password alone, `password_hash` also when it is made anew at
#   another cost.
# - `registration_hash` is of the cookie of the browser that registered the account.
USERS = """
CREATE TABLE users (
    user_id             uuid PRIMARY KEY,
    email               text NOT NULL UNIQUE,
    ascii_email         text NOT NULL,
    email_confirmed_at  timestamptz,
    pending_email       text,
    pending_ascii_email text,
    password_hash       text NOT NULL,
    password_version    int NOT NULL DEFAULT 1,
    registration_hash   bytea,
    created_at          timestamptz NOT NULL,
    language            text NOT NULL,
    time_zone           text NOT NULL DEFAULT 'auto',
    theme               text NOT NULL DEFAULT 'auto' CHECK (theme IN ('auto', 'light', 'dark')),
    mail_on_new_device  boolean NOT NULL DEFAULT true,
    CHECK ((pending_email IS NULL) = (pending_ascii_email IS NULL))
);
"""

# `device` and `address` say where a session was begun and last used, as the person sees it. No
# index has `last_used_at`: it changes at every use, and few rows are read for it.
SESSIONS = """
CREATE TABLE sessions (
    session_id   uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('web', 'api')),
    device       text NOT NULL DEFAULT '',
    address      text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_created ON sessions (created_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
"""
# A web session keeps one token for its life; an API session replaces its token at every refresh.
SESSION_TOKENS = """
CREATE TABLE session_tokens (
    token_hash  bytea PRIMARY KEY,
    session_id  uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    replaced_at timestamptz
);
CREATE INDEX session_tokens_session ON session_tokens (session_id);
CREATE INDEX session_tokens_replaced ON session_tokens (replaced_at)
    WHERE replaced_at IS NOT NULL;
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
);
CREATE INDEX api_tokens_user ON api_tokens (user_id);
"""

# A request for a mail about the account. Its links are good until one of them is used; `tries`
# counts the passwords that were tried with them.
MAIL_REQUESTS = """
CREATE TABLE mail_requests (
    request_id   uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind         text NOT NULL,
    email        text NOT NULL,
    ascii_email  text NOT NULL,
    details      jsonb NOT NULL,
    requested_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    tries        smallint NOT NULL DEFAULT 0
);
CREATE INDEX mail_requests_user ON mail_requests (user_id);
CREATE INDEX mail_requests_expiry ON mail_requests (expires_at);
"""
LINKS = """
CREATE TABLE links (
    token_hash bytea PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES mail_requests ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX links_request ON links (request_id);
"""

# Without `enabled_at` the app has not shown a code yet. `last_step` is the newest time step of
# which a code was used.
SECOND_FACTORS = """
CREATE TABLE second_factors (
    user_id    uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    secret     bytea NOT NULL,
    begun_at   timestamptz NOT NULL,
    enabled_at timestamptz,
    last_step  bigint NOT NULL DEFAULT 0
);
CREATE TABLE recovery_codes (
    user_id   uuid NOT NULL REFERENCES second_factors ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);
"""
# Logins that wait for a code.
CHALLENGES = """
CREATE TABLE challenges (
    challenge_hash   bytea PRIMARY KEY,
    user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind             text NOT NULL,
    password_version int NOT NULL,
    expires_at       timestamptz NOT NULL
);
CREATE INDEX challenges_user ON challenges (user_id);
CREATE INDEX challenges_expiry ON challenges (expires_at);
"""

# One row per counted attempt. The key is a digest with a secret: it names nobody.
THROTTLE = """
CREATE TABLE throttle (
    key        bytea NOT NULL,
    at         timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX throttle_key ON throttle (key, at);
CREATE INDEX throttle_expires ON throttle (expires_at);
"""

DEVICES = """
CREATE TABLE devices (
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    device_hash   bytea NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, device_hash)
);
CREATE INDEX devices_last_seen ON devices (last_seen_at);
"""

# What repeats itself is counted in `times`, not written again.
SECURITY_LOG = """
CREATE TABLE security_log (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    at       timestamptz NOT NULL,
    kind     text NOT NULL,
    device   text NOT NULL,
    address  text NOT NULL,
    times    int NOT NULL DEFAULT 1
);
CREATE INDEX security_log_user ON security_log (user_id, entry_id);
CREATE INDEX security_log_at ON security_log (at);
"""

# As consumers have it, and since when an erasure waits for its next step, empty at its end: no
# message is delivered to auth that would begin the steps.
ERASED_USERS = """
CREATE TABLE erased_users (
    user_id       uuid PRIMARY KEY,
    erased_at     timestamptz NOT NULL DEFAULT now(),
    masked_to     bigint NOT NULL DEFAULT 0,
    waiting_since timestamptz
);
CREATE INDEX erased_users_waiting ON erased_users (waiting_since)
    WHERE waiting_since IS NOT NULL;
"""


def upgrade() -> None:
    execute(
        *event_store("auth"),
        *(USERS, SESSIONS, SESSION_TOKENS, API_TOKENS, MAIL_REQUESTS, LINKS),
        *(SECOND_FACTORS, CHALLENGES, THROTTLE, DEVICES, SECURITY_LOG, ERASED_USERS),
    )
