"""Events set aside, and masking in steps."""

from alembic import op

from shared.eventsourcing.schema import event_store_v2

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for statement in event_store_v2("files"):
        op.execute(statement)
