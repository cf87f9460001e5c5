"""The mail about an excerpt of a result is the mail about the result."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.mail.check_result.excerpt import SHOWN_FINDINGS, Excerpt, excerpt
from shared.contracts.checker import Counts, FileChecked, Finding, FixedFinding, Tier
from tests.unit.notifier.mail.test_check_result import a_check, a_finding, a_mail

FINDINGS = st.lists(
    st.builds(
        a_finding,
        st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=9),
        tier=st.sampled_from(get_args(Tier)),
        row=st.integers(1, 60),
        change=st.sampled_from(["new", "still", "reopened"]),
    ),
    max_size=60,
)
FIXED = FixedFinding(code="F401", name="n", tier="note", message="m", fingerprint="f")


def _checked(findings: list[Finding], fixed: int, outcome: str, *, truncated: bool) -> FileChecked:
    total = len(findings) + (700 if truncated else 0)
    counts = Counts(total=total, new=total // 2, still=total - total // 2, fixed=fixed)
    return a_check(
        *findings,
        fixed=[FIXED] * fixed,
        counts=counts,
        truncated=truncated,
        outcome=outcome if findings else "clean",
    )


@given(FINDINGS, st.integers(0, 9), st.sampled_from(["findings", "syntax_error"]), st.booleans())
def test_it_says_the_same_as_the_mail_about_the_whole(
    findings: list[Finding], fixed: int, outcome: str, truncated: bool
) -> None:
    check = _checked(findings, fixed, outcome, truncated=truncated)
    kept = Excerpt.model_validate_json(excerpt(check).model_dump_json())
    assert len(kept.findings) <= SHOWN_FINDINGS
    assert a_mail(kept).octets == a_mail(check).octets


def test_a_result_that_was_kept_whole_is_read_as_well() -> None:
    check = _checked([a_finding("m", row=n) for n in range(1, 40)], 3, "findings", truncated=True)
    assert a_mail(Excerpt(**check.model_dump())).octets == a_mail(check).octets
