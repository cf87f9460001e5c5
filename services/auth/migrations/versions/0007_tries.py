"""How many passwords were tried with the links of a mail."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE mail_requests ADD COLUMN tries smallint NOT NULL DEFAULT 0")
