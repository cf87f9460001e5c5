"""Events set aside, masking in steps, and which copy holds a claim."""

from alembic import op

from shared.eventsourcing.schema import event_store_v2

revision = "0003"
down_revision = "0002"

# The running copy that holds the claim: it ends with that copy, at the latest with its time.
CLAIMED_BY = "ALTER TABLE mails ADD claimed_by int"


def upgrade() -> None:
    for statement in event_store_v2("notifier"):
        op.execute(statement)
    op.execute(CLAIMED_BY)
