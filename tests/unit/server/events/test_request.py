"""Event filters as they are read off their bytes (Part 4 v1.05 7.22.3)."""

from __future__ import annotations

from struct import pack

import pytest

from server.events.request import MAX_BYTES, EventFilterUnreadableError, read_event_filter


def test_threat_14_a_filter_has_no_more_bytes_than_anybody_needs() -> None:
    names = (MAX_BYTES - 30) // 6
    path = pack("<i", names) + b"\x00\x00\xff\xff\xff\xff" * names
    body = pack("<i", 1) + b"\x00\x00" + path + pack("<Ii", 13, -1) + pack("<i", 0)
    (clause,) = read_event_filter(body).select
    assert len(clause.path) == names
    with pytest.raises(EventFilterUnreadableError, match="bytes"):
        read_event_filter(body + bytes(MAX_BYTES))
