"""How far an erasure has come."""

from alembic import op

from shared.eventsourcing.schema import MASKED_TO

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(MASKED_TO)
