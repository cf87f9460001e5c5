"""Addresses with a zone, which only this machine could make sense of."""

from ipaddress import ip_network

import pytest

from services.auth.domain.client_info import ClientInfo
from services.gateway.identity.client_info import client_address

PROXIES = [ip_network("fe80::/10"), ip_network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "told"),
    [
        ("fe80::1%eth0", [], "fe80::1"),
        ("fe80::1%eth0", ["2001:db8::7%1"], "2001:db8::7"),
        ("10.0.0.1", ["fe80::1%eth0, ::ffff:203.0.113.7%eth0"], "203.0.113.7"),
        ("10.0.0.1", ["2001:db8::7%" + "x" * 5000], "2001:db8::7"),
        ("10.0.0.1", ["fe80::1%"], "10.0.0.1"),
        ("10.0.0.1", ["[2001:db8::7]", "%eth0"], "10.0.0.1"),
    ],
)
def test_a_zone_is_no_part_of_an_address(peer: str, forwarded: list[str], told: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == told


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("fe80::1%eth0", "fe80:0000:0000:0000:0000:0000:0000:0000/64"),
        ("2001:db8::7%25", "2001:0db8:0000:0000:0000:0000:0000:0000/64"),
        ("::ffff:203.0.113.7%1", "203.0.113.7"),
        ("%eth0", "%eth0"),
    ],
)
def test_throttles_count_zones_as_one(address: str, network: str) -> None:
    assert ClientInfo(address).networks[0] == network
    assert len(ClientInfo(address).device_hash) == 32
