"""Mails as files: `<id>.eml` in one folder, ids in the order of arrival."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property, lru_cache
from pathlib import Path

from deploy.local.files import closed_folder, write_bytes

_ID = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class Mail:
    """A mail as it was taken, with its envelope in front as `Return-Path` and `Delivered-To`."""

    id: str
    content: bytes

    @property
    def received_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.id, 16) / 1e9, UTC)

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """Names and decoded values, in their order."""
        try:
            return [(name, str(value)) for name, value in self._message.items()]
        except Exception:  # noqa: BLE001 - the parser trips over some malformed headers
            plain = message_from_bytes(self.content, policy=policy.compat32)
            return [(name, str(value)) for name, value in plain.items()]

    @property
    def recipients(self) -> list[str]:
        return [value for name, value in self.headers if name == "Delivered-To"]

    def header(self, name: str) -> str:
        """Its first value, or an empty text."""
        wanted = name.lower()
        return next((value for found, value in self.headers if found.lower() == wanted), "")

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    @cached_property
    def _message(self) -> EmailMessage:
        return message_from_bytes(self.content, EmailMessage, policy=policy.default)

    def _body(self, kind: str) -> str:
        part = self._message.get_body((kind,))
        content = part.get_payload(decode=True) if part is not None else b""
        charset = part.get_content_charset("utf-8") if part is not None else "utf-8"
        raw = content if isinstance(content, bytes) else b""
        try:
            return raw.decode(charset, "replace")
        except LookupError:
            return raw.decode("utf-8", "replace")


class MailStore:
    """Keeps mails in a folder for as long as it exists."""

    def __init__(self, folder: Path) -> None:
        closed_folder(folder)
        self._folder = folder
        self._read = lru_cache(maxsize=128)(self._load)

    def keep(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """Store a mail durably and return its id."""
        envelope = [f"Return-Path: <{sender}>", *(f"Delivered-To: {to}" for to in recipients)]
        head = "".join(f"{line}\r\n" for line in envelope).encode("utf-8", "surrogateescape")
        mail_id = f"{time.time_ns():016x}"
        write_bytes(self._folder / f"{mail_id}.eml", head + content)
        return mail_id

    def newest(self, limit: int, before: str | None = None) -> list[Mail]:
        """At most `limit` mails, newest first, older than the mail `before`."""
        ids = sorted((path.stem for path in self._folder.glob("[0-9a-f]*.eml")), reverse=True)
        wanted = [mail_id for mail_id in ids if before is None or mail_id < before]
        return [self._read(mail_id) for mail_id in wanted[:limit]]

    def get(self, mail_id: str) -> Mail | None:
        """The mail, or None; any text may be asked for."""
        if not _ID.fullmatch(mail_id) or not (self._folder / f"{mail_id}.eml").exists():
            return None
        return self._read(mail_id)

    def _load(self, mail_id: str) -> Mail:
        return Mail(mail_id, (self._folder / f"{mail_id}.eml").read_bytes())
