"""Composes the message of a due mail for its reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.notifier.claims.due_mails import DueMail
from services.notifier.mail.account import render_account_mail
from services.notifier.mail.check_result import render_check_result
from services.notifier.mail.check_result.excerpt import Excerpt
from services.notifier.mail.message import Message
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.http.auth import AccountMail, Contact

Compose = Callable[[DueMail, Contact | AccountMail, datetime], Message]

RESULTS: Mapping[str, type[FileChecked | CheckFailed]] = {
    FileChecked.type_name(): Excerpt,
    CheckFailed.type_name(): CheckFailed,
}


@dataclass(frozen=True)
class Composer:
    """Composes mails of one sender, with links to one site."""

    mail_from: str
    public_url: str

    def compose(self, mail: DueMail, reader: Contact | AccountMail, now: datetime) -> Message:
        """Raises what the renderers raise."""
        if isinstance(reader, AccountMail):
            assert mail.kind != "check_result"  # noqa: S101 - only those that auth requested
            return render_account_mail(
                mail.kind,
                reader,
                sender=self.mail_from,
                public_url=self.public_url,
                mail_id=mail.mail_id,
                queued_at=mail.queued_at,
                now=now,
            )
        return render_check_result(
            RESULTS[mail.event_type].model_validate(mail.result),
            language=reader.language,
            time_zone=reader.time_zone,
            to=reader.email,
            sender=self.mail_from,
            public_url=self.public_url,
            mail_id=mail.mail_id,
            now=now,
        )
