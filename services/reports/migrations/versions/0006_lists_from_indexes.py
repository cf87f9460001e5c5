"""Indexes that hold what lists of files ask for, and the inbox by its time."""

from alembic import op

from shared.eventsourcing.schema import INBOX_RECEIVED

revision = "0006"
down_revision = "0005"

# With what files are searched and filtered by: rows are read only of the files that are shown.
STATEMENTS = (
    "DROP INDEX files_user",
    """CREATE INDEX files_user ON files (user_id, deleted, uploaded_at, file_id)
       INCLUDE (state, mark, folded) WHERE version > 0""",
    "DROP INDEX files_state",
    """CREATE INDEX files_state ON files (user_id, deleted, state, uploaded_at, file_id)
       INCLUDE (mark) WHERE version > 0""",
    # For who is to be forgotten: also what is known of files whose upload has not been heard of.
    "CREATE INDEX files_of_user ON files (user_id)",
    INBOX_RECEIVED,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
