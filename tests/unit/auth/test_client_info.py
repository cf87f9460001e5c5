"""What is made of an address, a browser's name and a cookie."""

import hashlib
from ipaddress import ip_network

import pytest

from services.auth.domain.client_info import ClientInfo, ClientSummary, describe_device

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
    assert describe_device(user_agent) == words


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("203.0.113.9", ["203.0.113.9"]),
        ("::ffff:203.0.113.9", ["203.0.113.9"]),
        ("::ffff:203.0.113.9%eth0", ["203.0.113.9"]),
        ("64:ff9b::cb00:7109", ["203.0.113.9"]),
        ("2002:cb00:7109:1::1", ["203.0.113.9"]),
        ("2001:0:4136:e378:8000:63bf:34ff:8ef6", ["203.0.113.9"]),
        ("2001:db8:1:2:3:4:5:6", ["2001:db8:1:2::/64", "2001:db8:1::/56", "2001:db8:1::/48"]),
        ("2001:db8:1:1ff::", ["2001:db8:1:1ff::/64", "2001:db8:1:100::/56", "2001:db8:1::/48"]),
        ("fe80::1%eth0", ["fe80::/64", "fe80::/56", "fe80::/48"]),
        ("64:ff9b:1::1", ["64:ff9b:1::/64", "64:ff9b:1::/56", "64:ff9b:1::/48"]),
        ("::1", ["::/64", "::/56", "::/48"]),
    ],
)
def test_throttles_count_by_network(address: str, networks: list[str]) -> None:
    found = ClientInfo(address).networks
    assert [str(ip_network(one)).removesuffix("/32") for one in found] == networks
    assert ClientInfo(address).widest_network == found[-1]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("address", ["", "somewhere", "1.2.3.4.5", "2001:db8::1/64", "\0", "%eth0"])
def test_what_is_no_address_is_a_network_of_its_own(address: str) -> None:
    assert ClientInfo(address).networks == (address,)


def test_a_program_from_before_is_known_again() -> None:
    """The hash of its network's /64 as it has always been written."""
    program = ClientInfo("2001:db8:1:2::1", "bot/1")
    before = hashlib.sha256(b"program\nbot/1\n2001:0db8:0001:0002").digest()
    assert program.device_hash == before


@pytest.mark.parametrize("address", ["fe80::1%eth0", "fe80::1%1\r\n", "2002:cb00:7109::%x"])
def test_the_scope_of_an_address_changes_nothing(address: str) -> None:
    plain = ClientInfo(address.partition("%")[0], "bot/1")
    assert ClientInfo(address, "bot/1").networks == plain.networks
    assert ClientInfo(address, "bot/1").device_hash == plain.device_hash


def test_a_browser_is_its_cookie_and_a_program_its_name_and_network() -> None:
    browser = ClientInfo("203.0.113.9", "Firefox/1", "cookie")
    assert ClientInfo("203.0.113.8", "Firefox/2", "cookie").device_hash == browser.device_hash
    assert ClientInfo("203.0.113.9", "Firefox/1", "other").device_hash != browser.device_hash
    program = ClientInfo("203.0.113.9", "bot/1")
    assert ClientInfo("203.0.113.9", "bot/1").device_hash == program.device_hash
    assert ClientInfo("203.0.113.8", "bot/1").device_hash != program.device_hash
    assert ClientInfo("203.0.113.9", "bot/2").device_hash != program.device_hash
    pretender = ClientInfo("", "", "program\nbot/1\n203.0.113.9")
    assert pretender.device_hash != program.device_hash


def test_a_place_holds_nothing_that_breaks_a_line_or_a_table() -> None:
    assert ClientInfo("1.2.3.4\0\r\n", "curl/8").summary == ClientSummary("curl", "1.2.3.4")
