"""Settings of the notifier."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from services.notifier.mail.address import BadAddress, parse_mailbox
from services.notifier.smtp.url import BadSmtpUrl, SmtpServer
from shared.errors import Misconfigured
from shared.settings import StatefulSettings


class Settings(StatefulSettings):
    """Beyond what every service has."""

    smtp_url: SecretStr = Field(
        description="smtp://[user:password@]host:port[?starttls=1], smtps://…"
    )
    smtp_plaintext_login: bool = Field(
        False, description="send user and password to a mail server elsewhere without TLS"
    )
    mail_from: str = Field(
        "Prereview <prereview@localhost>", description="sender of all mail, `Name <address>`"
    )
    mail_interval: float = Field(
        2.0, gt=0, le=3600, description="seconds between two looks for due mail"
    )
    mail_connections: int = Field(
        4, ge=1, le=100, description="connections to the mail server at a time"
    )
    mails_in_hand: int = Field(
        100, ge=1, le=1000, description="mails claimed at a time, until they are recorded as sent"
    )

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
        """Reject a bad server or sender at the start, not mail by mail; raises `Misconfigured`."""
        self.smtp_server()
        try:
            parse_mailbox(self.mail_from)
        except BadAddress as error:
            raise Misconfigured(f"PREREVIEW_MAIL_FROM: {error}.") from None
        return self

    def smtp_server(self) -> SmtpServer:
        """Raises `Misconfigured` without a mail server, or with a password sent unencrypted."""
        try:
            server = SmtpServer.from_url(self.smtp_url.get_secret_value())
        except BadSmtpUrl as error:
            raise Misconfigured(f"PREREVIEW_SMTP_URL: {error}.") from None
        if server.sends_login_unencrypted and not self.smtp_plaintext_login:
            raise Misconfigured(
                "PREREVIEW_SMTP_URL: the password would be sent unencrypted;"
                " use smtps:// or ?starttls=1, or set PREREVIEW_SMTP_PLAINTEXT_LOGIN=true."
            )
        return server
