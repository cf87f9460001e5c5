"""Ports for servers that take a while to start."""

import socket

import pytest

from deploy.local import ports
from deploy.local.errors import CannotStart
from deploy.local.ports import LOOPBACK, free_ports

FIRST_OUTGOING = 32_768  # on Linux, unless somebody has changed it


def test_no_outgoing_connection_is_given_a_chosen_port() -> None:
    found = free_ports(50)
    assert len(set(found)) == 50
    assert max(found) < FIRST_OUTGOING


def test_a_port_that_is_taken_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    [one] = free_ports(1)
    monkeypatch.setattr(ports, "NOT_GIVEN_OUT", range(one, one + 1))
    assert free_ports(1) == [one]
    with socket.create_server((LOOPBACK, one)), pytest.raises(CannotStart):
        free_ports(1)
