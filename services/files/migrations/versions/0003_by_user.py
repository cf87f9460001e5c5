"""An erasure finds what is a person's without reading what is everybody's."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE INDEX files_of_user ON files (user_id)")
    op.execute("CREATE INDEX file_versions_of_user ON file_versions (user_id)")
