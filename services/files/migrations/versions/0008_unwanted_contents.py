"""Contents that perhaps nobody has any more, and the inbox by its time."""

from alembic import op

from shared.eventsourcing.schema import INBOX_RECEIVED

revision = "0008"
down_revision = "0007"

# Noted with what makes them unwanted, so that the sweep looks at nothing else. A content that is
# noted may be somebody's all the same: whoever drops it looks.
UNWANTED = "CREATE TABLE unwanted_contents (sha256 text PRIMARY KEY)"
# What was left of before.
LEFT = """
INSERT INTO unwanted_contents (sha256)
SELECT sha256 FROM contents
WHERE NOT EXISTS (SELECT FROM file_versions v WHERE v.sha256 = contents.sha256 AND v.kept)
"""


def upgrade() -> None:
    for statement in (UNWANTED, LEFT, INBOX_RECEIVED):
        op.execute(statement)
