"""What checks add up to, and why a file is due."""

from alembic import op

revision = "0002"
down_revision = "0001"

# `state` is a `json`, not a `jsonb`: the order of what was seen matters. A row may be deleted at
# any time, for instance when its shape changes: it is made anew from the stream `checks-<file id>`.
HISTORIES = """
CREATE TABLE histories (
    file_id uuid PRIMARY KEY,
    version int NOT NULL,
    state   json NOT NULL
)
"""
# The event that made the version due, and the request behind it; empty for what was due before.
CAUSES = """
ALTER TABLE files
    ADD COLUMN correlation_id uuid, ADD COLUMN causation_id uuid, ADD COLUMN traceparent text
"""


def upgrade() -> None:
    for statement in (HISTORIES, CAUSES):
        op.execute(statement)
