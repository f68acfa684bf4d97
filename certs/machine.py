"""The names and addresses that this machine is reached by; a certificate lists them (Part 6 v1.05 6.2.2)."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Final

_MOST = 32
"""Names, and as many addresses: a machine with a hundred containers has hundreds."""
_GET_ADDRESSES, _NEW_ADDRESS, _DONE, _ERROR = 22, 20, 3, 2
_REQUEST_DUMP: Final = 0x301
_OF_INTERFACE, _LOCAL, _FLAGS = 1, 2, 8
_TEMPORARY, _TENTATIVE = 0x01, 0x40
_HEADER: Final = struct.Struct("=IHHII")
_INTERFACE: Final = struct.Struct("=BBBBI")
_ATTRIBUTE: Final = struct.Struct("=HH")
_PATIENCE = 2.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def host_names() -> tuple[str, ...]:
    """Give the machine's names: its own, the one with its domain, and localhost. Blocks on name resolution."""
    own = socket.gethostname()
    names = (own, socket.getfqdn(own), "localhost")
    return tuple(dict.fromkeys(name for name in names if _is_host_name(name)))[:_MOST]


def addresses() -> tuple[Address, ...]:
    """Give the machine's addresses, IPv4 before IPv6, loopback among them.

    Left out are those that mean something on one link only, and those that IPv6 changes for privacy.
    """
    found: set[Address] = {ipaddress.ip_address("127.0.0.1")}
    try:
        found.update(_from_kernel())
    except OSError:  # a sandbox without netlink
        found.update(_from_names())
    lasting = (each for each in found if not (each.is_link_local or each.is_multicast or each.is_unspecified))
    ordered = sorted(lasting, key=lambda each: (each.version, not each.is_loopback, each.packed))
    return tuple(ordered[:_MOST])


def to_address(text: str) -> Address | None:
    """Read an address; None where it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_host_name(name: str) -> bool:
    """Tell whether it can stand in a certificate: ASCII, and neither empty nor an address."""
    return bool(name) and name.isascii() and name.isprintable() and " " not in name and to_address(name) is None


def _from_names() -> Iterator[Address]:
    try:
        answers = socket.getaddrinfo(socket.gethostname(), None, proto=socket.IPPROTO_TCP)
    except OSError:
        return
    for *_, address in answers:
        yield ipaddress.ip_address(str(address[0]).partition("%")[0])


def _from_kernel() -> Iterator[Address]:
    """Ask the kernel by rtnetlink(7): the one source that knows every interface."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        link.settimeout(_PATIENCE)
        size = _HEADER.size + _INTERFACE.size
        link.send(_HEADER.pack(size, _GET_ADDRESSES, _REQUEST_DUMP, 1, 0) + _INTERFACE.pack(0, 0, 0, 0, 0))
        while True:
            answer = link.recv(1 << 16)
            at = 0
            while at + _HEADER.size <= len(answer):
                length, kind, *_ = _HEADER.unpack_from(answer, at)
                if kind == _DONE:
                    return
                if kind == _ERROR or length < _HEADER.size:
                    raise OSError
                if kind == _NEW_ADDRESS:
                    yield from _address(answer[at + _HEADER.size : at + length])
                at += _aligned(length)


def _address(message: bytes) -> Iterator[Address]:
    family, _, flags, *_ = _INTERFACE.unpack_from(message)
    attributes: dict[int, bytes] = {}
    at = _INTERFACE.size
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if length < _ATTRIBUTE.size:
            return
        attributes[kind] = message[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)
    if _FLAGS in attributes:
        flags = int.from_bytes(attributes[_FLAGS][:4], sys.byteorder)
    packed = attributes.get(_LOCAL) or attributes.get(_OF_INTERFACE)
    if packed is None or (family == socket.AF_INET6 and flags & (_TEMPORARY | _TENTATIVE)):
        return
    yield ipaddress.ip_address(packed)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
