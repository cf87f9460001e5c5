"""Events set aside, masking in steps, and which copy holds a claim."""

from alembic import op

from shared.eventsourcing.schema import event_store_v2

revision = "0005"
down_revision = "0004"

# The running copy that holds the claim: it ends with that copy, at the latest with its time.
CLAIMED_BY = "ALTER TABLE versions ADD claimed_by int"


def upgrade() -> None:
    for statement in event_store_v2("checker"):
        op.execute(statement)
    op.execute(CLAIMED_BY)
