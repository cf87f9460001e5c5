"""Settings of the notifier."""

from pydantic import Field, SecretStr

from shared.settings import StatefulSettings


class Settings(StatefulSettings):
    """Beyond what every service has."""

    smtp_url: SecretStr = Field(
        description="smtp://[user:password@]host:port[?starttls=1], smtps://…"
    )
    mail_from: str = Field(
        "Prereview <prereview@localhost>", description="sender of all mail, `Name <address>`"
    )
    mail_interval: float = Field(2.0, gt=0, description="seconds between two looks for due mail")
