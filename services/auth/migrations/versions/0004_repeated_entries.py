"""What repeats itself in the security log is counted, not written again."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE security_log ADD COLUMN times int NOT NULL DEFAULT 1")
