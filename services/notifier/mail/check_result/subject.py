"""`[Not ready] main.py v4: 2 new, 5 fixed, 3 left`."""

from services.notifier.mail.check_result.view import CheckView
from services.notifier.mail.words import Words


def write_subject(view: CheckView, words: Words) -> str:
    head = f"[{words(view.verdict)}] {view.file_name} v{view.version}: "
    if view.failure:
        return head + words(f"reason_{view.failure}")
    if view.syntax_error:
        return head + words("subject_syntax_error", line=view.syntax_error.row)
    new, fixed, left = (
        words.number(n).replace("\xa0", " ")  # a subject is printable, which this space is not
        for n in (view.counts.new, view.counts.fixed, view.counts.total)
    )
    return head + words("subject", new=new, fixed=fixed, left=left)
