"""The second factor of a person, recovery codes, and logins that wait for a code."""

from alembic import op

revision = "0008"
down_revision = "0007"

# Without `enabled_at` the app has not shown a code yet. `last_step` is the newest time step of
# which a code was used.
SECOND_FACTORS = """
CREATE TABLE second_factors (
    user_id    uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    secret     bytea NOT NULL,
    begun_at   timestamptz NOT NULL,
    enabled_at timestamptz,
    last_step  bigint NOT NULL DEFAULT 0
)
"""

RECOVERY_CODES = """
CREATE TABLE recovery_codes (
    user_id   uuid NOT NULL REFERENCES second_factors ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    PRIMARY KEY (user_id, code_hash)
)
"""

CHALLENGES = """
CREATE TABLE challenges (
    challenge_hash   bytea PRIMARY KEY,
    user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind             text NOT NULL,
    password_version int NOT NULL,
    expires_at       timestamptz NOT NULL
)
"""

INDEXES = (
    "CREATE INDEX challenges_user ON challenges (user_id)",
    "CREATE INDEX challenges_expiry ON challenges (expires_at)",
    "CREATE INDEX sessions_created ON sessions (created_at)",
)


def upgrade() -> None:
    for statement in (SECOND_FACTORS, RECOVERY_CODES, CHALLENGES, *INDEXES):
        op.execute(statement)
