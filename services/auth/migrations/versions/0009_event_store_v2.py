"""Events set aside, and masking in steps."""

from alembic import op

from shared.eventsourcing.schema import event_store_v2

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    for statement in event_store_v2("auth"):
        op.execute(statement)
