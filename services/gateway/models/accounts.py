"""Accounts and sessions, as auth answers."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.auth import Language


class Account(BaseModel):
    """A user as the user sees it."""

    user_id: UUID
    email: str
    language: Language
    created_at: datetime


class Tokens(BaseModel):
    """What auth answers to a login."""

    session_id: UUID
    user_id: UUID
    access_token: str
    expires_in: int
    token: str | None = None
