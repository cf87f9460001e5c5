"""Which browser has registered an account: known by a cookie, of which the hash is kept."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE users ADD COLUMN registration_hash bytea")
