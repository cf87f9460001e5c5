"""Mails whose end could not be recorded."""

from alembic import op

revision = "0006"
down_revision = "0005"

# How often a copy that lives could not bring the mail to an end: each time it waits longer.
UNFINISHED = "ALTER TABLE mails ADD unfinished int NOT NULL DEFAULT 0"
# What the mail server has taken and could not be recorded yet: only that is left to do.
TAKEN = "ALTER TABLE mails ADD taken jsonb"


def upgrade() -> None:
    for statement in (UNFINISHED, TAKEN):
        op.execute(statement)
