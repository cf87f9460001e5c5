"""From a due mail and its reader to the finished message."""

from collections.abc import Mapping
from datetime import datetime

from services.notifier.claims.due_mails import DueMail
from services.notifier.mail.account import render_account_mail
from services.notifier.mail.check_result import render_check_result
from services.notifier.mail.check_result.excerpt import Excerpt
from services.notifier.mail.message import Message
from services.notifier.settings import Settings
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.http.auth import AccountMail, Contact

RESULTS: Mapping[str, type[FileChecked | CheckFailed]] = {
    FileChecked.type_name(): Excerpt,
    CheckFailed.type_name(): CheckFailed,
}


def write(
    mail: DueMail, reader: Contact | AccountMail, settings: Settings, now: datetime
) -> Message:
    """Write the mail. Raises what the renderers raise."""
    if isinstance(reader, AccountMail):
        assert mail.kind != "check_result"  # noqa: S101 - only those that auth asked for
        return render_account_mail(
            mail.kind,
            reader,
            sender=settings.mail_from,
            public_url=settings.public_url,
            mail_id=mail.mail_id,
            queued_at=mail.queued_at,
            now=now,
        )
    return render_check_result(
        RESULTS[mail.type].model_validate(mail.result),
        language=reader.language,
        time_zone=reader.time_zone,
        to=reader.email,
        sender=settings.mail_from,
        public_url=settings.public_url,
        mail_id=mail.mail_id,
        now=now,
    )
