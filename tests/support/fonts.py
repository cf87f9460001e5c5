"""Fonts that a page under test is drawn with, whatever the machine has."""

from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Page

from deploy.local.fonts import PACKAGES, find_font

# `conf.d` is looked for beside the system's configuration.
_CONFIGURATION = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{folder}</dir>
  <dir>/usr/share/fonts</dir>
  <include ignore_missing="yes">conf.d</include>
  <cachedir>{folder}/cache</cachedir>
</fontconfig>
"""
# `*` has no say where an element has more of a class; the marks of importance have.
_STYLE = """
:root {{ --mono: {mono} !important }}
* {{ font-family: {plain} !important }}
code, pre, kbd, samp, .name, .lines, .code, .code *, textarea, .method, .unseen, .quoted,
.error-status, [style*=monospace] {{ font-family: {mono} !important }}
"""


@dataclass(frozen=True)
class Font:
    """Families: of text, and of code."""

    plain: str
    mono: str

    async def wear(self, page: Page) -> None:
        """Draw the page with this font from now on; the page must let styles of a test in."""
        style = _STYLE.format(plain=f'"{self.plain}"', mono=f'"{self.mono}"')
        await page.add_style_tag(content=style)

    async def drawn(self, page: Page, selector: str) -> set[str]:
        """The families of the glyphs that Chromium has put on the screen."""
        session = await page.context.new_cdp_session(page)
        await session.send("DOM.enable")
        await session.send("CSS.enable")
        root = (await session.send("DOM.getDocument"))["root"]["nodeId"]
        asked = {"nodeId": root, "selector": selector}
        node = (await session.send("DOM.querySelector", asked))["nodeId"]
        fonts = (await session.send("CSS.getPlatformFontsForNode", {"nodeId": node}))["fonts"]
        await session.detach()
        return {font["familyName"] for font in fonts}


FONTS = {
    "wide": Font("DejaVu Sans", "DejaVu Sans Mono"),
    "narrow": Font("Roboto Condensed", "Roboto Condensed"),
}


def configured(folder: Path) -> Path:
    """A configuration of fontconfig in which Chromium finds our fonts beside the machine's."""
    for file in (file for files in PACKAGES.values() for file in files):
        font = find_font(file)
        assert font is not None, f"`make test` brings {file}"
        (folder / file).symlink_to(font)
    configuration = folder / "fonts.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder), "utf-8")
    return configuration
