"""The inbox by its time."""

from alembic import op

from shared.eventsourcing.schema import INBOX_RECEIVED

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(INBOX_RECEIVED)
