"""Versions whose result could not be recorded."""

from alembic import op

revision = "0008"
down_revision = "0007"

# How often no result could be recorded: each time the version waits longer.
UNFINISHED = "ALTER TABLE versions ADD unfinished int NOT NULL DEFAULT 0"


def upgrade() -> None:
    op.execute(UNFINISHED)
