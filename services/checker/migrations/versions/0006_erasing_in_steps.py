"""How far an erasure has come, and the versions of a person."""

from alembic import op

from shared.eventsourcing.schema import MASKED_TO

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(MASKED_TO)
    op.execute("CREATE INDEX versions_user ON versions (user_id)")
