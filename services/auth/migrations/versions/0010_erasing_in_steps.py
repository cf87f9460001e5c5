"""How far an erasure has come, and which is not at its end."""

from alembic import op

from shared.eventsourcing.schema import MASKED_TO

revision = "0010"
down_revision = "0009"

# Since when an erasure waits for its next step; empty at its end.
WAITING = "ALTER TABLE erased_users ADD waiting_since timestamptz"
INDEX = """
CREATE INDEX erased_users_waiting ON erased_users (waiting_since) WHERE waiting_since IS NOT NULL
"""


def upgrade() -> None:
    for statement in (MASKED_TO, WAITING, INDEX):
        op.execute(statement)
