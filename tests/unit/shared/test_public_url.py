"""One address in one spelling, or a sentence that says what is wrong with it."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from deploy.local.errors import CannotStart
from deploy.local.options import Options
from shared.errors import MISCONFIGURED
from shared.public_url import read_public_url
from shared.settings import Settings
from tests.support.keys import Keys
from tests.support.product import ROOT


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://prereview.example.org/", "https://prereview.example.org"),
        (" HTTPS://Prereview.Example:443 ", "https://prereview.example"),
        ("http://prereview.example:80", "http://prereview.example"),
        ("https://prereview.example:80", "https://prereview.example:80"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("http://my_gateway:8000", "http://my_gateway:8000"),
        ("https://ПРИМЕР.рф", "https://xn--e1afmkfd.xn--p1ai"),
        ("https://faß.de", "https://xn--fa-hia.de"),  # IDNA 2003 would say fass.de
        ("https://xn--fa-hia.de", "https://xn--fa-hia.de"),
        ("https://。例え.jp", None),
        ("https://例え。jp", "https://xn--r8jz45g.jp"),
        ("prereview.example.org", None),
        ("//prereview.example.org", None),
        ("ftp://prereview.example.org", None),
        ("https://", None),
        ("https:///path", None),
        ("https://ann@prereview.example.org", None),
        ("https://ann:secret@prereview.example.org", None),
        ("https://prereview.example.org/prereview", None),
        ("https://prereview.example.org?", None),
        ("https://prereview.example.org/?a=b", None),
        ("https://prereview.example.org#top", None),
        ("https://[", None),
        ("https://[::g]", None),
        ("https://[::1%25eth0]", None),
        ("https://[v1.x]", None),
        ("https://prereview.example.org:99999", None),
        ("https://prereview.example.org:port", None),
        ("https://pre review.example", None),
        ("https://-\N{ZERO WIDTH JOINER}.example", None),
        ("https://" + "ж" * 100 + ".example", None),
        ("", None),
    ],
)
def test_an_address_is_read_or_refused(written: str, meant: str | None) -> None:
    if meant is not None:
        assert read_public_url(written) == meant
        assert read_public_url(meant) == meant
    else:
        with pytest.raises(ValueError, match=r"https://prereview\.example\.org\.$"):
            read_public_url(written)


def test_every_program_refuses_it_at_the_start(keys: Keys) -> None:
    files: dict[str, Any] = {"signing_key": keys.private["files"], "jwks_file": keys.jwks_file}
    assert Settings(**files, public_url="https://пример.рф/").public_url.startswith("https://xn--")
    with pytest.raises(ValidationError, match="must begin with http"):
        Settings(**files, public_url="prereview.example.org")
    with pytest.raises(CannotStart, match="PREREVIEW_PUBLIC_URL must name no user"):
        Options.read({"PREREVIEW_PUBLIC_URL": "https://ann@example.org"})


def test_a_program_tells_in_one_line(keys: Keys) -> None:
    environment = {
        "PREREVIEW_PUBLIC_URL": "https://ann:hush@example.org",
        "PREREVIEW_SIGNING_KEY": keys.private["gateway"],
        "PREREVIEW_JWKS_FILE": str(keys.jwks_file),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "services", "gateway"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == MISCONFIGURED
    [line] = ended.stderr.splitlines()
    assert line.startswith("PREREVIEW_PUBLIC_URL: ")
    assert "hush" not in line
