"""Table `links`: hashes of the links in mails. A mail that is sent again gets another link."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.credentials import EmailAddress
from services.auth.domain.secret_tokens import digest
from shared.contracts.auth import AccountMailKind

_INSERT = text("""
INSERT INTO links (token_hash, request_id, expires_at) VALUES (:hash, :request_id, :expires_at)
""")
_FIND_VALID = text("""
SELECT r.request_id, r.user_id, r.kind, r.email, r.ascii_email, r.tries
FROM links l JOIN mail_requests r USING (request_id) JOIN users u USING (user_id)
WHERE l.token_hash = :hash AND l.expires_at > :now AND r.used_at IS NULL
  AND r.ascii_email = CASE r.kind
      WHEN 'confirm_new_email' THEN u.pending_ascii_email ELSE u.ascii_email END
  AND (r.kind <> 'confirm_email' OR u.email_confirmed_at IS NULL)
""")


@dataclass(frozen=True)
class Link:
    """A valid link, with the request for the mail it came in."""

    request_id: UUID
    user_id: UUID
    kind: AccountMailKind
    email: str
    ascii_email: str
    tries: int

    @property
    def address(self) -> EmailAddress:
        return EmailAddress(self.email, self.ascii_email)


async def insert(
    connection: AsyncConnection, token: str, request_id: UUID, expires_at: datetime
) -> None:
    values = {"hash": digest(token), "request_id": request_id, "expires_at": expires_at}
    await connection.execute(_INSERT, values)


async def find_valid(connection: AsyncConnection, token: str, now: datetime) -> Link | None:
    """A link that is neither used nor expired, and was mailed to the address it is about."""
    row = (await connection.execute(_FIND_VALID, {"hash": digest(token), "now": now})).first()
    return Link(*row) if row else None
