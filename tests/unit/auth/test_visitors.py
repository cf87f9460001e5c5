"""What is made of an address, a browser's name and a cookie."""

import pytest

from services.auth.visitors import Place, Visitor, device_words

_MOZILLA = "Mozilla/5.0 "


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (
            _MOZILLA + "(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (_MOZILLA + "(Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        (_MOZILLA + "(Windows NT 10.0) Chrome/150.0 Safari/537.36", "Chrome on Windows"),
        (
            _MOZILLA + "(Windows NT 10.0) Chrome/150 YaBrowser/25 Safari/5",
            "Yandex Browser on Windows",
        ),
        (_MOZILLA + "(Macintosh; Intel Mac OS X 15) Version/19 Safari/605", "Safari on macOS"),
        (_MOZILLA + "(iPhone; CPU iPhone OS 19 like Mac OS X) Safari/604", "Safari on iPhone"),
        (_MOZILLA + "(Linux; Android 16) Chrome/150.0 Mobile Safari/537", "Chrome on Android"),
        ("Firefox/1", "Firefox"),
        ("curl/8.14.1", "curl"),
        ("python-httpx/0.28", "python-httpx"),
        ("deploy-bot", "deploy-bot"),
        ("<script>alert(1)</script>", ""),
        ("\r\nBcc: x@y.z", ""),
        ("бот", ""),
        ("x" * 500, "x" * 40),
        ("", ""),
    ],
)
def test_a_device_in_a_few_words(user_agent: str, words: str) -> None:
    assert device_words(user_agent) == words


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::1", "2001:0db8:0001:0002"),
        ("2001:db8:1:3::1", "2001:0db8:0001:0003"),
        ("somewhere", "somewhere"),
        ("", ""),
    ],
)
def test_throttles_count_by_network(address: str, network: str) -> None:
    assert Visitor(address).network == network


def test_a_browser_is_its_cookie_and_a_program_its_name_and_network() -> None:
    browser = Visitor("203.0.113.9", "Firefox/1", "cookie")
    assert Visitor("203.0.113.8", "Firefox/2", "cookie").device_hash == browser.device_hash
    assert Visitor("203.0.113.9", "Firefox/1", "other").device_hash != browser.device_hash
    program = Visitor("203.0.113.9", "bot/1")
    assert Visitor("203.0.113.9", "bot/1").device_hash == program.device_hash
    assert Visitor("203.0.113.8", "bot/1").device_hash != program.device_hash
    assert Visitor("203.0.113.9", "bot/2").device_hash != program.device_hash
    pretender = Visitor("", "", "program\nbot/1\n203.0.113.9")
    assert pretender.device_hash != program.device_hash


def test_a_place_holds_nothing_that_breaks_a_line_or_a_table() -> None:
    assert Visitor("1.2.3.4\0\r\n", "curl/8").place == Place("curl", "1.2.3.4")
