from __future__ import annotations

import ipaddress
import socket

import psutil
import pytest

from certs import machine


def test_the_kernel_and_psutil_name_the_same_addresses() -> None:
    families = (socket.AF_INET, socket.AF_INET6)
    known = {
        ipaddress.ip_address(one.address.partition("%")[0])
        for held in psutil.net_if_addrs().values()
        for one in held
        if one.family in families
    }
    lasting = {each for each in known if not each.is_link_local}
    found = set(machine.addresses())
    assert ipaddress.ip_address("127.0.0.1") in found
    assert found <= lasting
    assert {each for each in lasting if each.version == 4} <= found


def test_the_names_are_those_of_the_machine() -> None:
    names = machine.host_names()
    assert socket.gethostname() in names
    assert "localhost" in names


def test_without_netlink_the_names_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise PermissionError

    monkeypatch.setattr(machine, "_from_kernel", refused)
    assert ipaddress.ip_address("127.0.0.1") in machine.addresses()


@pytest.mark.parametrize("name", ["", "10.1.2.3", "::1", "zwei worte", "münchen"])
def test_what_is_no_host_name_is_left_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert name not in machine.host_names()
