"""How large a version is, and what is known to be slow."""

from alembic import op

revision = "0010"
down_revision = "0009"

# Bytes; empty for what was saved before it was kept.
SIZE = "ALTER TABLE versions ADD size int"
# The engine and profile under which the check took longer than others wait for.
SLOW = "ALTER TABLE versions ADD slow text"
SLOW_CONTENTS = "CREATE INDEX versions_slow ON versions (slow, sha256) WHERE slow IS NOT NULL"
# What waits, the earliest of each file first, however many versions have their result.
WAITING = """
CREATE INDEX versions_waiting ON versions (file_id, version) WHERE NOT checked AND NOT deleted
"""
NOT_NEEDED = "DROP INDEX versions_due"


def upgrade() -> None:
    for statement in (SIZE, SLOW, SLOW_CONTENTS, WAITING, NOT_NEEDED):
        op.execute(statement)
