"""Where people may be sent, and what downloads are called."""

import pytest

from services.gateway.http.content_disposition import attachment
from services.gateway.http.safe_redirect import local_path


@pytest.mark.parametrize("path", ["/", "/checks", "/checks/1?a=b&c=%20", "/files/1#x", "/?a=//b"])
def test_a_path_of_this_site_is_followed(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checks",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "%2f%2fevil.example",
        "/%2fevil.example",
        "/%2Fevil.example",
        "/%5cevil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/a\\b",
        "/a\r\nSet-Cookie: x=y",
    ],
)
def test_every_other_address_leads_home(path: str) -> None:
    assert local_path(path) == "/"


@pytest.mark.parametrize(
    ("name", "plain", "exact"),
    [
        ("main.py", "main.py", "main.py"),
        ("отчёт.py", "_____.py", "%D0%BE%D1%82%D1%87%D1%91%D1%82.py"),
        ("a b%20.py", "a b_20.py", "a%20b%2520.py"),
        ('a"b\r\nX: y.py', "a_b__X: y.py", "a%22b%0D%0AX%3A%20y.py"),
    ],
)
def test_a_download_keeps_its_name_and_adds_no_header(name: str, plain: str, exact: str) -> None:
    assert attachment(name) == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
