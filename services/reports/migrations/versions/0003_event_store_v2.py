"""Events set aside, and masking in steps."""

from alembic import op

from shared.eventsourcing.schema import event_store_v2

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for statement in event_store_v2("reports"):
        op.execute(statement)
