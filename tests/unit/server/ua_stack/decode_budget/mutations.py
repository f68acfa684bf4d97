"""Bytes made wrong in the ways that matter to a decoder, the same ones for the same seed."""

from __future__ import annotations

from random import Random
from struct import pack, pack_into

_NUMBERS = (-(2**31), -2, -1, 0, 1, 2, 7, 100, 65_536, 2**24, 2**31 - 1)
_FRAGMENTS = (
    b"\x80" + pack("<i", 2**31 - 1),  # a null array (threat 3)
    b"\xc6" + pack("<iiiii", 1, 7, 2, 1000, 1000),  # a matrix of other dimensions (threat 4)
    b"\xc3" + pack("<iiii", 0, 2, 1000, 0),
    b"\x98" + pack("<i", 1),  # an array of one Variant (threat 19)
    b"\x97" + pack("<i", 1) + b"\x01",
    b"\x40",
    b"\x0c" + pack("<i", 2) + b"\xc3\x28",  # no UTF-8 (threat 24)
    b"\x16\x01\x00\xbb\x00\x01" + pack("<i", 100),
    b"\x19\x7f",
    b"\x03\x00\x00" + pack("<i", -5),  # a NodeId whose identifier ends before it begins
    b"\xff\xff\xff\xff",
)


def mutated(random: Random, message: bytes) -> bytes:
    """Change a message in one to four places."""
    data = bytearray(message)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data)) if data else 0
        choice = random.randrange(6)
        if choice == 0 and data:
            data[at] ^= 1 << random.randrange(8)
        elif choice == 1 and data:
            data[at] = random.randrange(256)
        elif choice == 2 and len(data) >= at + 4:
            pack_into("<i", data, at, random.choice(_NUMBERS))
        elif choice == 3:
            data[at:at] = random.choice(_FRAGMENTS) * random.choice((1, 1, 2, 50, 200))
        elif choice == 4:
            del data[at : at + random.randrange(1, 9)]
        else:
            start = random.randrange(len(data)) if data else 0
            data[at:at] = data[start : start + random.randrange(1, 40)]
    return bytes(data)
