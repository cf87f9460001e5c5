"""Renders the mail about a check for the owner of the file."""

from datetime import datetime
from uuid import UUID

from services.notifier.mail.address import parse_address, parse_mailbox
from services.notifier.mail.check_result.sentences import Sentences
from services.notifier.mail.check_result.subject import write_subject
from services.notifier.mail.check_result.view import view_of
from services.notifier.mail.message import Draft, Message, compose
from services.notifier.mail.templates import render
from services.notifier.mail.words import load_words
from shared.contracts.auth import Language
from shared.contracts.checker import CheckFailed, FileChecked
from shared.ids import derived_id


def render_check_result(
    check: FileChecked | CheckFailed,
    *,
    language: Language,
    time_zone: str,
    to: str,
    sender: str,
    public_url: str,
    mail_id: UUID,
    now: datetime,
) -> Message:
    """Write the mail about one check; the same values give the same octets.

    Raises:
        BadAddress: `to` or `sender` is not one address.
        UnsafeMessage: the finished octets are not the intended mail.
    """
    recipient, mailbox = parse_address(to), parse_mailbox(sender)
    sentences = Sentences(view_of(check, public_url), load_words(language, time_zone))
    subject = write_subject(sentences)
    values = {
        "language": language,
        "view": sentences.view,
        "sentences": sentences,
        "subject": subject,
    }
    message_key = derived_id("check_result", check.check_id, mail_id)  # stored, so of no address
    return compose(
        Draft(
            sender=mailbox,
            recipient=recipient,
            subject=subject,
            message_id=f"{message_key}@{mailbox.domain}",
            date=now,
            text=render("check_result/body.txt", values),
            html=render("check_result/body.html", values),
        )
    )
