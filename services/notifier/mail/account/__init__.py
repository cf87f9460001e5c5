"""The mails about an account: one template for all, sentences by kind in `sentences.py`."""

from datetime import datetime
from uuid import UUID

from services.notifier.mail.account.sentences import SENTENCES
from services.notifier.mail.account.view import view_of
from services.notifier.mail.address import parse_address, parse_mailbox
from services.notifier.mail.message import Draft, Message, compose
from services.notifier.mail.templates import render
from services.notifier.mail.words import load_words
from shared.contracts.auth import AccountMailKind
from shared.contracts.http.auth import AccountMail
from shared.ids import derived_id


def render_account_mail(
    kind: AccountMailKind,
    mail: AccountMail,
    *,
    sender: str,
    public_url: str,
    mail_id: UUID,
    queued_at: datetime,
    now: datetime,
) -> Message:
    """Write a mail about the account; the same values give the same octets.

    Raises:
        BadAddress: the reader's address or `sender` is not one address.
        UnsafeMessage: the finished octets are not the intended mail.
        LinkMissing: there is no token for the link.
    """
    recipient, mailbox = parse_address(mail.email), parse_mailbox(sender)
    words, sentences = load_words(mail.language, mail.time_zone), SENTENCES[kind]
    subject = words.translate(sentences.subject)
    values = {
        "language": mail.language,
        "view": view_of(kind, mail, queued_at, public_url, words),
        "sentences": sentences,
        "_": words.translate,
        "subject": subject,
    }
    return compose(
        Draft(
            sender=mailbox,
            recipient=recipient,
            subject=subject,
            message_id=f"{derived_id(kind, mail_id)}@{mailbox.domain}",
            date=now,
            text=render("account/body.txt", values),
            html=render("account/body.html", values),
        )
    )
