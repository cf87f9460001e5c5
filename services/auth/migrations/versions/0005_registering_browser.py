"""Which browser has registered an account: known by a cookie, of which the hash is kept."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE users ADD COLUMN registration_hash bytea")
