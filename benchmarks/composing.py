"""What composing a mail costs, in processor milliseconds: `python -m benchmarks.composing [mails]`.

From the stored result of a check to the octets for the mail server, in each language. The results
are those of ruff for files of the standard library, with the rules that people start with.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from functools import cache
from statistics import median
from typing import Any, get_args
from uuid import uuid4

from benchmarks.figures import Figure, at_most, tell
from benchmarks.sources import sources
from services.checker.claims.due_files import DueFile
from services.checker.domain.history import History
from services.checker.linting.ruff import Ruff
from services.checker.results.check_events import RuffRun, check_event
from services.checker.rules import STANDARD
from services.notifier.claims.due_mails import DueMail
from services.notifier.sending.composing import Composer
from shared.clock import utc_now
from shared.contracts.auth import Language
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.http.auth import Contact

MAILS, ROUNDS = 300, 5

_COMPOSER = Composer("Prereview <prereview@example.org>", "https://prereview.example")


@cache
def mails(count: int) -> Sequence[DueMail]:
    return [_mail(event.type_name(), event.model_dump(mode="json")) for event in _results(count)]


def compose_all(due: Sequence[DueMail], language: Language) -> float:
    """Processor milliseconds a mail."""
    readers = [_reader(number, language) for number in range(len(due))]
    begun = time.process_time()
    for mail, reader in zip(due, readers, strict=True):
        _COMPOSER.compose(mail, reader, utc_now())
    return 1000 * (time.process_time() - begun) / len(due)


def figures(count: int = MAILS) -> list[Figure]:
    due = mails(count)
    languages: tuple[Language, ...] = get_args(Language)
    times = {
        language: [compose_all(due, language) for _ in range(ROUNDS)] for language in languages
    }
    return [
        Figure(f"composing a mail, {language}", median(some), "processor ms", goal=at_most(0.5))
        for language, some in times.items()
    ]


def _mail(kind: str, result: dict[str, Any]) -> DueMail:
    return DueMail(
        mail_id=uuid4(), user_id=uuid4(), kind="check_result", request_id=None, event_type=kind,
        result=result, queued_at=utc_now(), attempts=1, claimed_by=1, deaths=0, accepted=None,
        correlation_id=None, causation_id=None, traceparent=None,
    )  # fmt: skip


def _results(count: int) -> list[FileChecked | CheckFailed]:
    files, ruff = sources(count), Ruff()
    answers = asyncio.run(ruff.check({file.name: file.content for file in files}, STANDARD))
    run = RuffRun(ruff.engine, STANDARD, utc_now(), 14)
    return [
        check_event(History(), DueFile(uuid4(), uuid4(), name, 1, "0" * 64), run, answer)
        for name, answer in answers.items()
    ]


def _reader(number: int, language: Language) -> Contact:
    return Contact(
        email=f"a{number}@example.org",
        language=language,
        time_zone="Europe/Moscow",
        user_id=uuid4(),
        confirmed=True,
    )


if __name__ == "__main__":
    tell(figures(int(sys.argv[1]) if len(sys.argv) > 1 else MAILS))
