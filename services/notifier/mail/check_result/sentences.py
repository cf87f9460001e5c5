"""What the mail about a check says. Its subject and both of its bodies share it."""

from dataclasses import dataclass
from functools import cached_property

from services.notifier.mail.check_result.view import CheckView
from services.notifier.mail.words import Words
from shared.contracts.checker import FailureReason, Tier
from shared.i18n.catalogue import N_

_VERDICTS = {"ready": N_("Ready"), "not_ready": N_("Not ready"), "failed": N_("Not checked")}
_REASONS: dict[FailureReason, str] = {
    "crashed": N_("the check broke off"),
    "timeout": N_("the check took too long"),
    "output_limit": N_("too many findings to list"),
    "unreadable": N_("the answer of the checking tool could not be read"),
    "content_missing": N_("the content was not found"),
}


@dataclass(frozen=True)
class Sentences:
    """The sentences about one check; the templates call them `sentences`."""

    view: CheckView
    words: Words

    @cached_property
    def verdict(self) -> str:
        return self.words.gettext(_VERDICTS[self.view.verdict])

    @cached_property
    def version(self) -> str:
        return self.words.gettext("version {version}", version=self.view.version)

    @cached_property
    def what_to_do(self) -> str:
        view, words, left = self.view, self.words, self.view.counts.total
        if view.failure:
            return words.gettext(
                "This version could not be checked. That is no verdict on your code: it is neither "
                "clean nor faulty."
            )
        if view.syntax_error:
            return words.gettext(
                "Python cannot read this file, so the other rules could not be applied. Fix this "
                "first, then upload the file again."
            )
        if view.verdict == "not_ready":
            return words.ngettext(
                "{n} finding is left. Fix it, then upload the file again.",
                "{n} findings are left. Start at the top, then upload the file again.",
                left,
            )
        if left:
            return words.ngettext(
                "Good enough for review. {n} finding is left, and it need not stop anyone.",
                "Good enough for review. {n} findings are left, and none of them need stop anyone.",
                left,
            )
        return words.gettext("Nothing to fix. Your reviewers can start.")

    @cached_property
    def reason(self) -> str:
        """Why the check failed, within a sentence."""
        return self.words.gettext(_REASONS[self.view.failure]) if self.view.failure else ""

    @cached_property
    def reason_line(self) -> str:
        return self.words.gettext("The reason: {reason}.", reason=self.reason)

    @cached_property
    def syntax_heading(self) -> str:
        return self.words.gettext("Syntax error")

    def number(self, count: int) -> str:
        return self.words.number(count)

    def tally(self, name: str, n: int) -> str:
        """What stands beside a number."""
        match name:
            case "new":
                return self.words.ngettext("new", "new", n)
            case "reopened":
                return self.words.ngettext("back again", "back again", n)
            case "fixed":
                return self.words.gettext("fixed")
            case _:
                return self.words.gettext("left")

    @cached_property
    def marks(self) -> dict[str, str]:
        """What stands beside one finding."""
        return {name: self.tally(name, 1) for name in ("new", "reopened")}

    @cached_property
    def listed(self) -> str:
        return self.words.gettext(
            "The report lists only the heaviest findings, {n} of them: “new”, “back again” and "
            "“fixed” count these, the other numbers count all.",
            n=self.number(self.view.listed),
        )

    def tier(self, tier: Tier, n: int) -> str:
        match tier:
            case "blocker":
                return self.words.ngettext("{n} blocker", "{n} blockers", n)
            case "warning":
                return self.words.ngettext("{n} warning", "{n} warnings", n)
            case "note":
                return self.words.ngettext("{n} note", "{n} notes", n)

    def line(self, row: int) -> str:
        return self._line.format(row=row)

    @cached_property
    def _line(self) -> str:
        return self.words.translate(N_("line {row}"))

    @cached_property
    def hidden(self) -> str:
        return self.words.ngettext(
            "{n} more finding is in the full report.",
            "{n} more findings are in the full report.",
            self.view.hidden,
        )

    @cached_property
    def fixed(self) -> str:
        count = self.number(self.view.counts.fixed)
        return self.words.gettext("{n} fixed since the last check", n=count)

    @cached_property
    def hidden_fixed(self) -> str:
        return self.words.gettext("and {n} more", n=self.number(self.view.hidden_fixed))

    @cached_property
    def suppressed(self) -> str:
        return self.words.ngettext(
            "{n} finding is silenced by a noqa comment.",
            "{n} findings are silenced by noqa comments.",
            self.view.counts.suppressed,
        )

    @cached_property
    def button(self) -> str:
        failed = self.view.failure
        return self.words.gettext(N_("Open this check") if failed else N_("Open the full report"))

    @cached_property
    def checked(self) -> str:
        pattern = (
            N_("Tried {time} with {engine}.")
            if self.view.failure
            else N_("Checked {time} with {engine}.")
        )
        time = self.words.time(self.view.checked_at)
        return self.words.gettext(pattern, time=time, engine=self.view.engine)

    @cached_property
    def why(self) -> str:
        return self.words.gettext(
            "You get this mail because you uploaded {file} to Prereview, which checks every new "
            "version and tells you the result. It was sent by a program; replies are not read.",
            file=self.view.file_name,
        )
