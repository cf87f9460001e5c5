"""Appending in one round trip."""

from alembic import op

from shared.eventsourcing.schema import event_store_v3

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    for statement in event_store_v3("auth"):
        op.execute(statement)
