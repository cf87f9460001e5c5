"""Who reads a mail, as auth tells it at the moment of sending; kept nowhere."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts.auth import Language


class Reader(BaseModel):
    """An address, and the language and time zone (`auto`: not known) its owner reads in."""

    email: str
    language: Language
    time_zone: str


class Contact(Reader):
    """Whoever a mail about a check goes to; `confirmed`: the address is proven to be theirs."""

    user_id: UUID
    confirmed: bool


class Details(BaseModel):
    """What happened to the account, as far as auth knows it."""

    device: str | None = None
    address: str | None = None
    at: datetime | None = None
    new_email: str | None = None


class AccountMail(Reader):
    """What a mail about the account says. `token` belongs into its link and nowhere else."""

    token: str | None = Field(None, repr=False)
    expires_at: datetime | None = None
    details: Details = Details()
