"""Claims that end with their copy, and how many of them ended so."""

from alembic import op

revision = "0007"
down_revision = "0006"

# A version whose check again and again is the end of the copy that checks it is found by its count.
DEATHS = "ALTER TABLE versions ADD deaths int NOT NULL DEFAULT 0"
CLAIMED = "CREATE INDEX versions_claimed ON versions (claimed_by) WHERE claimed_by IS NOT NULL"


def upgrade() -> None:
    for statement in (DEATHS, CLAIMED):
        op.execute(statement)
