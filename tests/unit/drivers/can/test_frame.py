from __future__ import annotations

from drivers.can.frame import Frame, is_bus_off, is_overrun, pgn_of, source_of


def test_groups_and_senders() -> None:
    assert pgn_of(0x18FEF123) == 0xFEF1
    assert source_of(0x18FEF123) == 0x23
    assert pgn_of(0x18EAFF01) == 0xEA00  # PDU1: the destination is no part of the group
    assert pgn_of(0x0DF80500) == 0x1F805  # data page 1


def test_error_frames() -> None:
    assert is_bus_off(Frame(0, 0x40, bytes(8), is_error=True))
    assert not is_bus_off(Frame(0, 0x40, bytes(8)))
    assert is_overrun(Frame(0, 0x04, bytes([0, 1]), is_error=True))
    assert not is_overrun(Frame(0, 0x04, bytes([0, 4]), is_error=True))
    assert not is_overrun(Frame(0, 0x04, b"", is_error=True))
