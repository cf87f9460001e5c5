"""Who is to be forgotten."""

from alembic import op

from shared.eventsourcing.schema import ERASED_USERS

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(ERASED_USERS)
    op.execute("CREATE INDEX files_user ON files (user_id)")
