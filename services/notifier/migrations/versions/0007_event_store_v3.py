"""Appending in one round trip."""

from alembic import op

from shared.eventsourcing.schema import event_store_v3

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for statement in event_store_v3("notifier"):
        op.execute(statement)
