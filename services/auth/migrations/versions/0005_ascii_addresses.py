"""Where mail goes, beside each address: its domain in ASCII as IDNA 2008 has it."""

import idna
from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"

COLUMNS = """
ALTER TABLE users         ADD COLUMN ascii_email text, ADD COLUMN pending_ascii_email text;
ALTER TABLE mail_requests ADD COLUMN ascii_email text
"""
# Only a domain can have other letters than ASCII's, and few have.
SAME = r"""
UPDATE users SET ascii_email = email WHERE email !~ '[^\x01-\x7f]';
UPDATE users SET pending_ascii_email = pending_email WHERE pending_email !~ '[^\x01-\x7f]';
UPDATE mail_requests SET ascii_email = email WHERE email !~ '[^\x01-\x7f]'
"""
OTHERS = """
SELECT email FROM users UNION SELECT pending_email FROM users UNION SELECT email FROM mail_requests
"""
CONVERT = """
UPDATE users SET ascii_email = :ascii_email WHERE email = :email;
UPDATE users SET pending_ascii_email = :ascii_email WHERE pending_email = :email;
UPDATE mail_requests SET ascii_email = :ascii_email WHERE email = :email
"""
# What was mailed to these went to the domain that IDNA 2003 makes of them: a stranger may have it.
STRAYED = """
DELETE FROM links USING mail_requests
WHERE links.request_id = mail_requests.request_id AND mail_requests.email ~ '[ßς]'
"""
ALWAYS = """
ALTER TABLE users         ALTER COLUMN ascii_email SET NOT NULL,
    ADD CHECK ((pending_email IS NULL) = (pending_ascii_email IS NULL));
ALTER TABLE mail_requests ALTER COLUMN ascii_email SET NOT NULL
"""


def upgrade() -> None:
    for statements in (COLUMNS, SAME):
        _execute(statements)
    others = rf"SELECT email FROM ({OTHERS}) AS all_of_them WHERE email ~ '[^\x01-\x7f]'"  # noqa: S608
    for email in op.get_bind().execute(text(others)).scalars().all():
        _execute(CONVERT, email=email, ascii_email=_ascii(email))
    for statements in (STRAYED, ALWAYS):
        _execute(statements)


def _execute(statements: str, **values: str) -> None:
    """One by one, as asyncpg wants them."""
    for statement in statements.split(";"):
        op.get_bind().execute(text(statement), values)


def _ascii(email: str) -> str:
    """An address that IDNA does not know any more stays: a mail to it is refused, and that told."""
    local_part, _, domain = email.rpartition("@")
    try:
        return f"{local_part}@{idna.encode(domain, uts46=True).decode()}"
    except UnicodeError:
        return email
