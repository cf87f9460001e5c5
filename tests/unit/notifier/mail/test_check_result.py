"""The sentences of the mail about a check; nothing a user typed can change its structure."""

from datetime import UTC, datetime
from email.headerregistry import Address
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.mail.address import BadAddress, parse_address, parse_mailbox
from services.notifier.mail.check_result import render_check_result
from services.notifier.mail.message import MAX_BYTES, Draft, Message, compose
from services.notifier.mail.printable import printable
from services.notifier.mail.verification import UnsafeMessage
from shared.contracts.auth import Language
from shared.contracts.checker import (
    Change,
    CheckFailed,
    Counts,
    FailureReason,
    FileChecked,
    Finding,
    FixedFinding,
    Tier,
)
from tests.unit.notifier.received import (
    ENCODED_WORD,
    HEADERS,
    NASTY,
    as_received,
    body_of,
    tags_of,
    text_of,
)

CHECK_ID = UUID("0190b2aa-7c1e-7d53-9f1e-3b0c8f7f5a11")
COMMON: dict[str, Any] = {
    "check_id": CHECK_ID,
    "file_id": UUID(int=1),
    "user_id": UUID(int=2),
    "file_name": "main.py",
    "version": 4,
    "sha256": "a" * 64,
    "engine": "ruff 0.17.6",
    "profile": "p",
    "started_at": datetime(2026, 11, 22, 14, 3, tzinfo=UTC),
    "duration_ms": 12,
}


def a_finding(
    message: str, *, tier: Tier = "warning", row: int = 1, change: Change = "new"
) -> Finding:
    return Finding(
        code="F821",
        name="undefined-name",
        tier=tier,
        message=message,
        row=row,
        column=1,
        end_row=row,
        end_column=2,
        url=None,
        fingerprint=f"{row}",
        change=change,
    )


def a_check(*findings: Finding, **values: Any) -> FileChecked:
    outcome = {"outcome": "findings" if findings else "clean", "verdict": "not_ready"}
    counts = Counts(total=len(findings), new=len(findings), warning=len(findings))
    return FileChecked(
        **{**COMMON, **outcome, "counts": counts, "findings": list(findings), **values}
    )


def a_mail(check: FileChecked | CheckFailed, language: Language = "en", **values: Any) -> Message:
    given_values = {
        "time_zone": "auto",
        "to": "ann@example.org",
        "sender": "Prereview <no-reply@prereview.example>",
        "public_url": "https://prereview.example/",
        "mail_id": UUID(int=3),
        "now": datetime(2026, 11, 22, 14, 4, tzinfo=UTC),
    }
    return render_check_result(check, language=language, **{**given_values, **values})


COUNTS = Counts(blocker=1, warning=1, note=1, total=3, new=2, still=1, fixed=5)
TABLE_OF_SUBJECTS = [
    (a_check(counts=COUNTS), "en", "[Not ready] main.py v4: 2 new, 5 fixed, 3 left"),
    (a_check(counts=COUNTS), "ru", "[Не готово] main.py v4: новых 2, исправлено 5, осталось 3"),  # noqa: RUF001
    (a_check(verdict="ready"), "en", "[Ready] main.py v4: 0 new, 0 fixed, 0 left"),
    (a_check(verdict="ready"), "ru", "[Готово] main.py v4: новых 0, исправлено 0, осталось 0"),
    (
        a_check(a_finding("Expected `)`", row=7), outcome="syntax_error"),
        "en",
        "[Not ready] main.py v4: syntax error in line 7",
    ),
    (
        a_check(a_finding("Expected `)`", row=7), outcome="syntax_error"),
        "ru",
        "[Не готово] main.py v4: синтаксическая ошибка в строке 7",  # noqa: RUF001
    ),
    (
        CheckFailed(**COMMON, reason="timeout"),
        "en",
        "[Not checked] main.py v4: the check took too long",
    ),
    (
        CheckFailed(**COMMON, reason="crashed"),
        "ru",
        "[Не проверено] main.py v4: проверка прервалась",  # noqa: RUF001
    ),
]


@pytest.mark.parametrize(("check", "language", "subject"), TABLE_OF_SUBJECTS)
def test_the_subject_says_the_verdict_and_what_changed(
    check: FileChecked | CheckFailed, language: Language, subject: str
) -> None:
    assert as_received(a_mail(check, language))["Subject"] == subject


def test_the_headers_are_these_and_no_others() -> None:
    mail = as_received(a_mail(a_check()))
    assert mail.keys() == HEADERS
    assert mail["From"] == "Prereview <no-reply@prereview.example>"
    assert mail["To"] == "ann@example.org"
    assert mail["Date"] == "Sun, 22 Nov 2026 14:04:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_the_same_mail_is_the_same_octets_and_another_mail_has_another_id() -> None:
    first = a_mail(a_check())
    assert first.octets == a_mail(a_check()).octets
    ids = {
        mail.message_id
        for mail in (
            first,
            a_mail(a_check(), mail_id=UUID(int=9)),
            a_mail(a_check(check_id=UUID(int=9))),
        )
    }
    assert len(ids) == 3
    assert all(one.endswith("@prereview.example>") for one in ids)


def test_the_id_of_a_mail_which_is_kept_says_nothing_about_the_address() -> None:
    ids = [a_mail(a_check(), to=f"{name}@example.org").message_id for name in ("ann", "bob")]
    assert ids[0] == ids[1]


def test_findings_come_by_tier_and_line_with_code_and_sentence() -> None:
    mail = a_mail(
        a_check(
            a_finding("Line too long", tier="note", row=2),
            a_finding("Unused import", tier="warning", row=30),
            a_finding("Unused name", tier="warning", row=4, change="reopened"),
            a_finding("Undefined name", tier="blocker", row=99, change="still"),
            counts=Counts(blocker=1, warning=2, note=1, total=4, new=2, still=1, reopened=1),
        )
    )
    lines = [line.strip() for line in text_of(mail).splitlines() if line.startswith("  ")]
    assert lines == [
        "line 99: Undefined name (F821)",
        "line 4: Unused name (F821, back again)",
        "line 30: Unused import (F821, new)",
        "line 2: Line too long (F821, new)",
    ]


def test_marks_are_left_out_where_everything_is_new() -> None:
    assert "(F821)" in text_of(a_mail(a_check(a_finding("Undefined name"))))


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_both_bodies_say_everything(kind: str) -> None:
    fixed = [
        FixedFinding(code="F401", name="n", tier="note", message=f"gone {n}", fingerprint="f")
        for n in range(7)
    ]
    counts = Counts(warning=37, total=37, new=1, still=36, fixed=7, suppressed=3)
    findings = [a_finding(f"fault {n}", row=n) for n in range(1, 38)]
    body = body_of(a_mail(a_check(*findings, counts=counts, fixed=fixed)), kind)
    for expected in [
        "Not ready",
        "version 4",
        "37 findings are left.",
        "37 warnings",
        "fault 20",
        "17 more findings are in the full report.",
        "7 fixed since the last check",
        "gone 4",
        "and 2 more",
        "3 findings are silenced by noqa comments.",
        f"https://prereview.example/checks/{CHECK_ID}",
        "22 Nov 2026, 14:03 UTC",
        "ruff 0.17.6",
        "because you uploaded main.py",
    ]:
        assert expected in body
    assert "fault 21" not in body
    assert "gone 5" not in body


@pytest.mark.parametrize("reason", get_args(FailureReason))
@pytest.mark.parametrize("language", get_args(Language))
def test_a_failed_check_is_neither_clean_nor_broken(
    reason: FailureReason, language: Language
) -> None:
    body = text_of(a_mail(CheckFailed(**COMMON, reason=reason), language))
    assert {"en": "could not be checked", "ru": "не удалось проверить"}[language] in body
    assert f"/checks/{CHECK_ID}" in body


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        (1, "Осталось 1 замечание."),
        (3, "Осталось 3 замечания."),
        (5, "Осталось 5 замечаний."),
        (11, "Осталось 11 замечаний."),
        (22, "Осталось 22 замечания."),
        (111, "Осталось 111 замечаний."),
        (121, "Осталось 121 замечание."),
    ],
)
def test_russian_counts_in_its_own_forms(left: int, sentence: str) -> None:
    assert sentence in text_of(a_mail(a_check(counts=Counts(total=left)), "ru"))


@pytest.mark.parametrize(
    ("n", "blockers", "notes"),
    [
        (1, "1 критическая ошибка", "1 рекомендация"),
        (3, "3 критические ошибки", "3 рекомендации"),
        (5, "5 критических ошибок", "5 рекомендаций"),
    ],
)
def test_russian_names_the_tiers_as_the_pages_do(n: int, blockers: str, notes: str) -> None:
    counts = Counts(blocker=n, note=n, total=2 * n)
    findings = [a_finding("x", tier="blocker"), a_finding("x", tier="note")]
    lines = text_of(a_mail(a_check(*findings, counts=counts), "ru")).splitlines()
    assert {blockers, notes} <= set(lines)


@pytest.mark.parametrize(
    ("language", "subject", "said"),
    [
        (
            "en",
            "[Not ready] main.py v1234: 1,500 new, 1,100 fixed, 12,345 left",
            [
                *("12,345 findings are left.", "version 1234", "line 4321:"),
                *("1,500 new", "1,100 fixed", "12,345 left", "12,345 warnings"),
                *("12,344 more findings", "1,100 fixed since", "and 1,099 more", "2,000 findings"),
            ],
        ),
        (
            "ru",
            "[Не готово] main.py v1234: новых 1 500, исправлено 1 100, осталось 12 345",  # noqa: RUF001
            [
                *("Осталось 12\xa0345 замечаний.", "версия 1234", "строка 4321:"),
                *("1\xa0500 новых", "1\xa0100 исправлено", "12\xa0345 осталось"),
                *("12\xa0345 предупреждений", "Ещё 12\xa0344 замечания", "и ещё 1\xa0099"),
                *("Исправлено с прошлой проверки: 1\xa0100", "2\xa0000 замечаний"),  # noqa: RUF001
            ],
        ),
    ],
)
def test_counts_are_written_as_on_the_pages_and_places_as_they_are(
    language: Language, subject: str, said: list[str]
) -> None:
    counts = Counts(warning=12345, total=12345, new=1500, fixed=1100, suppressed=2000)
    fixed = [FixedFinding(code="F4", name="n", tier="note", message="m", fingerprint="")]
    finding = a_finding("x", row=4321)
    mail = a_mail(a_check(finding, counts=counts, fixed=fixed, version=1234), language)
    assert as_received(mail)["Subject"] == subject
    for expected in said:
        assert expected in text_of(mail)
    assert (">12,345<br>" if language == "en" else ">12\xa0345<br>") in body_of(mail, "html")


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("language", get_args(Language))
def test_nothing_a_user_typed_bends_the_mail(nasty: str, language: Language) -> None:
    check = a_check(a_finding(nasty), file_name=nasty, engine=nasty)
    for mail in (
        a_mail(check, language),
        a_mail(CheckFailed(**COMMON, reason="timeout"), language),
    ):
        received = as_received(mail)
        assert received.keys() == HEADERS
        assert received["To"].addresses == (Address(addr_spec="ann@example.org"),)
    html = body_of(a_mail(check, language), "html")
    assert tags_of(html) == tags_of(body_of(a_mail(a_check(a_finding("x")), language), "html"))


@pytest.mark.parametrize(
    "char", ["\u2067", "\u2060", "\x0c", "\u00a0", "\u3164", "\U000e0041", "\0"]
)
def test_what_can_not_be_seen_is_written_out_everywhere(char: str) -> None:
    check = a_check(a_finding(f"Bad `{char}` here"), file_name=f"a{char}b.py")
    mail, shown = a_mail(check), f"[U+{ord(char):04X}]"
    assert as_received(mail)["Subject"].startswith(f"[Not ready] a{shown}b.py v4: ")
    for body in (text_of(mail), body_of(mail, "html")):
        assert f"a{shown}b.py" in body
        assert char not in body
    assert f"<code>{shown}</code>" in body_of(mail, "html")


def test_names_from_right_to_left_move_nothing() -> None:
    mail = a_mail(a_check(a_finding("`שלום` is unused"), file_name="שלום.py"))
    assert as_received(mail)["Subject"].startswith("[Not ready] שלום.py v4: ")
    assert "<bdi>שלום.py</bdi>" in body_of(mail, "html")
    assert "<bdi><code>שלום</code> is unused</bdi>" in body_of(mail, "html")


@pytest.mark.parametrize("name", ["می\u200cشود.py", "ශ්\u200dරී.py", "র\u200d্যাম.py"])
def test_a_joiner_that_a_script_needs_arrives(name: str) -> None:
    assert as_received(a_mail(a_check(file_name=name)))["Subject"].startswith(
        f"[Not ready] {name} v4"
    )


@settings(deadline=None)
@given(st.text(min_size=1, max_size=200), st.text(max_size=400))
def test_any_text_at_all_makes_a_mail_with_the_intended_headers(name: str, message: str) -> None:
    mail = a_mail(a_check(a_finding(message), file_name=name))
    received = as_received(mail)
    assert received.keys() == HEADERS
    assert received["Subject"] == f"[Not ready] {printable(name, 100)} v4: 1 new, 0 fixed, 1 left"
    assert printable(message, 200) in text_of(mail)


@pytest.mark.parametrize("letter", ["x", "й", "&", '"', "😀", "\U00020000", "`", "`&", "`😀"])
def test_the_fullest_mail_stays_below_the_limit(letter: str) -> None:
    findings = [a_finding(letter * 3000, row=n) for n in range(1, 201)]
    fixed = [
        FixedFinding(code=letter * 90, name="n", tier="note", message=letter * 3000, fingerprint="")
    ] * 200
    counts = Counts(warning=200, total=200, still=100, new=100, fixed=200, suppressed=9)
    check = a_check(*findings, counts=counts, fixed=fixed, file_name=letter * 300)
    mail = a_mail(check, "ru", public_url="https://prereview.example/" + "p" * 200)
    assert len(mail.octets) <= MAX_BYTES
    assert "Ещё 180 замечаний" in text_of(mail)
    assert (letter * 199)[:199] + "…" in text_of(mail)


def a_draft(**values: Any) -> Draft:
    return Draft(
        **{
            "sender": parse_address("no-reply@prereview.example"),
            "recipient": parse_address("ann@example.org"),
            "subject": "Hello",
            "message_id": "1@prereview.example",
            "date": datetime(2026, 11, 22, tzinfo=UTC),
            "text": "Hello.",
            "html": "<p>Hello.",
            **values,
        }
    )


def test_what_looks_like_an_encoded_word_arrives_as_it_was_typed() -> None:
    mail = compose(a_draft(subject=ENCODED_WORD))
    assert as_received(mail)["Subject"] == ENCODED_WORD


def test_a_line_break_in_the_subject_is_caught() -> None:
    with pytest.raises(UnsafeMessage, match="not one printable line"):
        compose(a_draft(subject="Hello\r\nBcc: x@y.z"))


def test_a_mail_above_the_limit_is_caught() -> None:
    with pytest.raises(UnsafeMessage, match="more than 102400"):
        compose(a_draft(text="x" * MAX_BYTES))


@pytest.mark.parametrize(
    "text",
    [
        *("", "ann", "@b.c", "a@", "a@b..c", ".a@b.c", "a.@b.c", "a b@c.d", "a@b c", "a@b_c.d"),
        *(
            "a@b.c,x@y.z",
            "a@b.c;x@y.z",
            "<a@b.c> x@y.z",
            "Ann <a@b.c>",
            '"a b"@c.d',
            "a@[127.0.0.1]",
        ),
        *(
            "a@b.c\n",
            "a@b.c\r\nBcc: x@y.z",
            "a\x00@b.c",
            "ж@b.c",
            "a@-b.c",
            "a@b.c (Ann)",
            "a@\udcff.c",
        ),
        *("a" * 65 + "@b.c", "a@" + ".".join(["b" * 60] * 5)),
    ],
)
def test_what_is_not_one_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        parse_address(text)


@pytest.mark.parametrize(
    "domain", ["почта.рф", "straße.example", "βόλος.example", "ma\u200dil.example", "mäil.example"]
)
def test_nothing_is_made_ascii_here(domain: str) -> None:
    with pytest.raises(BadAddress, match="xn--"):
        parse_address(f"anna@{domain}")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a.b+c@d-e.example", "a.b+c@d-e.example"),
        ("o'neil@localhost", "o'neil@localhost"),
        ("anna@xn--80a1acny.xn--p1ai", "anna@xn--80a1acny.xn--p1ai"),
        ("Anna@xn--fa-hia.example", "Anna@xn--fa-hia.example"),
    ],
)
def test_an_address_is_read(text: str, address: str) -> None:
    assert parse_address(text).addr_spec == address


def test_a_sender_may_have_a_name_but_no_line_breaks_in_it() -> None:
    assert str(parse_mailbox("Our Prereview <a@b.example>")) == "Our Prereview <a@b.example>"
    assert str(parse_mailbox("a@b.example")) == "a@b.example"
    for text in ("x\r\nBcc: y <a@b.c>", f"{ENCODED_WORD} <a@b.c>", "x <a@b.c>, y <c@d.e>"):
        with pytest.raises(BadAddress):
            parse_mailbox(text)


@pytest.mark.parametrize(
    ("time_zone", "time"),
    [
        ("auto", "22 Nov 2026, 14:03 UTC."),
        ("UTC", "22 Nov 2026, 14:03 UTC."),
        ("Europe/Moscow", "22 Nov 2026, 17:03 UTC+3."),
        ("Asia/Kathmandu", "22 Nov 2026, 19:48 UTC+5:45."),
        ("America/St_Johns", "22 Nov 2026, 10:33 UTC\u22123:30."),
        ("Pacific/Kiritimati", "23 Nov 2026, 04:03 UTC+14."),
        *((name, "22 Nov 2026, 14:03 UTC.") for name in ("Nowhere/Atlantis", "America", "../etc")),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_times_are_those_of_the_readers_clock(time_zone: str, time: str, kind: str) -> None:
    written = body_of(a_mail(a_check(), time_zone=time_zone), kind)
    assert f"Checked {time.removesuffix('.')} with" in written


@pytest.mark.parametrize(("month", "time"), [(7, "14:00 UTC+2"), (12, "13:00 UTC+1")])
def test_summer_time_counts(month: int, time: str) -> None:
    check = a_check(started_at=datetime(2026, month, 1, 12, tzinfo=UTC))
    assert time in text_of(a_mail(check, time_zone="Europe/Berlin"))


@pytest.mark.parametrize(
    ("message", "html"),
    [
        ("`os` imported but unused", "<code>os</code> imported but unused"),
        ("Use `a < b`, not `b > a`", "Use <code>a &lt; b</code>, not <code>b &gt; a</code>"),
        ("cut `off…", "cut <code>off…</code>"),
        ("``, `` and </code>`x`", ",  and &lt;/code&gt;<code>x</code>"),
    ],
)
def test_code_in_a_message_looks_like_code(message: str, html: str) -> None:
    fixed = FixedFinding(code="F401", name="n", tier="note", message=message, fingerprint="f")
    check = a_check(a_finding(message), fixed=[fixed], counts=Counts(total=1, warning=1, fixed=1))
    mail = a_mail(check)
    assert text_of(mail).count(message) == 2
    assert body_of(mail, "html").count(html) == 2
    assert "`" not in body_of(mail, "html")


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_where_the_list_is_cut_the_mail_says_what_its_numbers_count(kind: str) -> None:
    findings = [a_finding("fault", row=n) for n in range(1, 26)]
    counts = Counts(warning=1234, total=1234, new=25)
    cut, whole = (
        body_of(a_mail(a_check(*findings, counts=counts, truncated=is_cut)), kind)
        for is_cut in (True, False)
    )
    said = "lists only the heaviest findings, 25 of them: “new”, “back again” and “fixed” count"
    assert (said in cut, said in whole) == (True, False)
    assert "5 more findings are in the full report." in cut
