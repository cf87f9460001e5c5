"""Code as Chromium draws it: every mark has a width, and nothing moves what stands around it."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from services.gateway.source_view.diff_table import pairs, unified
from services.gateway.source_view.excerpts import excerpts
from services.gateway.source_view.highlights import PLAIN
from services.gateway.web import rendering, static_files
from shared.contracts.checker import Finding
from shared.contracts.http.files import Diff
from tests.unit.gateway.fake_services import diff, finding, line

_SHEET = (Path(static_files.__file__).parent / "static" / "site.css").read_text()
# The letters of each line from left to right, as they are drawn; a chip counts as one.
_DRAWN = """rows => rows.map(row => {
  const found = [], walk = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  for (let node; node = walk.nextNode();) {
    const chip = node.parentElement.closest(".unseen");
    for (let i = 0; i < (chip ? 1 : node.length); i++) {
      const range = document.createRange();
      if (chip) range.selectNodeContents(chip);
      else { range.setStart(node, i); range.setEnd(node, i + 1); }
      found.push([range.getBoundingClientRect().left, chip ? node.data : node.data[i]]);
    }
  }
  return found.sort((a, b) => a[0] - b[0]).map(one => one[1]).join("");
})"""
_WIDTHS = "marks => marks.map(mark => mark.getBoundingClientRect().width)"


def _html(template: str, macro: str, *values: Any) -> str:
    made = rendering._environment("en").get_template(template).make_module()
    return f"<style>{_SHEET}</style>{getattr(made, macro)(*values)}"


def _card(text: str, **place: int) -> str:
    found = Finding(**finding(**{"row": 1, "end_row": 1, **place}))
    (frame,) = excerpts(text, PLAIN, [found])
    return _html("finding.html", "finding_card", found, frame)


@pytest.mark.parametrize(
    "char", ["\u200b", "\x0c", "\u2066", "\u0301", "\u3164", "\ufe0f", "\u115f", "\x7f", "i", "\t"]
)
async def test_a_mark_on_any_character_is_seen(page: Page, char: str) -> None:
    await page.set_content(_card(f"x = {char}y", column=5, end_column=6))
    (width,) = await page.locator(".code mark").evaluate_all(_WIDTHS)
    assert width >= 2


@pytest.mark.parametrize(("text", "column"), [("", 1), ("x = 1", 6), ("x = 1", 60), ("\u200b", 2)])
async def test_a_mark_where_nothing_is_left_is_seen(page: Page, text: str, column: int) -> None:
    await page.set_content(_card(f"{text}\n", column=column, end_column=column))
    (width,) = await page.locator(".code mark").evaluate_all(_WIDTHS)
    assert width >= 2


HEBREW = "\u05d0\u05d1\u05d2"  # drawn from right to left
LINES = [
    (f'a = "{HEBREW}", 1, "{HEBREW}"  # {HEBREW}', f'a = "{HEBREW[::-1]}", 1, "{HEBREW[::-1]}"'),
    ("if admin \u202e⟩ nimda fi", "if admin U+202E⟩ nimda fi"),
    ("\u2067x = 1\u2069 # y", "U+2067x = 1U+2069 # y"),
    (f"{HEBREW} = {HEBREW} - 1", f"{HEBREW[::-1]} = {HEBREW[::-1]} - 1"),
    ("x\u200fy = \u061c2", "xU+200Fy = U+061C2"),
]


@pytest.mark.parametrize(("text", "drawn"), LINES)
async def test_nothing_moves_its_neighbours(page: Page, text: str, drawn: str) -> None:
    await page.set_content(_card(text, column=99, end_column=99))
    assert (await page.locator(".line").evaluate_all(_DRAWN))[0].startswith(drawn)
    shown = Diff(**diff(line("removed", text, 1), line("added", text + " ", None, 1)))
    for macro, how in (("one_column", unified), ("two_columns", pairs)):
        await page.set_content(_html("differences.html", macro, shown, how))
        for row in await page.locator(".line").evaluate_all(_DRAWN):
            assert row.startswith(drawn)
