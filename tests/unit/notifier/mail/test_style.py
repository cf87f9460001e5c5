"""Mails have the colours of the pages, in light and in dark."""

import re
from pathlib import Path
from typing import get_args

from services.notifier.mail.message import Message
from shared.contracts.checker import CheckFailed, Counts, FixedFinding, Tier
from tests.unit.notifier.mail import test_account, test_check_result
from tests.unit.notifier.received import body_of

SITE = Path(__file__).parents[4] / "services/gateway/web/static/site.css"
COLOUR = re.compile(r"#[0-9a-f]{6}\b")


def mails() -> list[Message]:
    findings = [test_check_result.a_finding("x", tier=tier) for tier in get_args(Tier)]
    fixed = [FixedFinding(code="F401", name="n", tier="note", message="m", fingerprint="f")]
    full = test_check_result.a_check(
        *findings, fixed=fixed, counts=Counts(blocker=1, warning=1, note=1, total=3, fixed=1)
    )
    failed = CheckFailed(**test_check_result.COMMON, reason="timeout")
    ready = test_check_result.a_check(verdict="ready")
    return [
        *(
            test_check_result.a_mail(full),
            test_check_result.a_mail(ready),
            test_check_result.a_mail(failed),
        ),
        *(test_account.a_mail(kind) for kind in test_account.KINDS),
    ]


def of_the_pages(theme: str) -> dict[str, str]:
    found = re.search(
        rf'\[data-bs-theme="{theme}"\] \{{(.*?)\}}', SITE.read_text("utf-8"), re.DOTALL
    )
    assert found
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", found[1]))


def test_every_colour_is_one_of_the_pages() -> None:
    light, dark = of_the_pages("light").values(), of_the_pages("dark").values()
    for mail in mails():
        style, inline = body_of(mail, "html").split("</style>")
        assert set(COLOUR.findall(inline)) <= set(light)
        assert set(COLOUR.findall(style)) <= set(dark)


def test_buttons_and_verdicts_look_as_on_the_pages() -> None:
    colours = of_the_pages("light")
    not_ready, ready, *_ = (body_of(mail, "html") for mail in mails())
    for body in (not_ready, ready):
        assert f'class="button" style="background:{colours["accent"]}' in body
    stop = f"background:{colours['stop-soft']};color:{colours['stop']}"
    good = f"background:{colours['ready-soft']};color:{colours['ready']}"
    assert (stop in not_ready, good in not_ready) == (True, False)
    assert (stop in ready, good in ready) == (False, True)
