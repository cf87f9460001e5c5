"""`[Not ready] main.py v4: 2 new, 5 fixed, 3 left`."""

from services.notifier.mail.check_result.sentences import Sentences


def write_subject(sentences: Sentences) -> str:
    view, words = sentences.view, sentences.words
    head = f"[{sentences.verdict}] {view.file_name} v{view.version}: "
    if view.failure:
        return head + sentences.reason
    if view.syntax_error:
        return head + words.gettext("syntax error in line {line}", line=view.syntax_error.row)
    new, fixed, left = (
        words.number(n).replace("\xa0", " ")  # a subject is printable, which this space is not
        for n in (view.counts.new, view.counts.fixed, view.counts.total)
    )
    return head + words.gettext(
        "{new} new, {fixed} fixed, {left} left", new=new, fixed=fixed, left=left
    )
