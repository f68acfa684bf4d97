from __future__ import annotations

import pytest

from core.errors import SettingError
from drivers.can.url import LiveUrl, LogUrl, parse_url
from tests.unit.drivers.can.dbc import settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("socketcan://can0?bitrate=500000", LiveUrl("socketcan", "can0", {"bitrate": 500_000})),
        ("socketcan://can0?fd=true", LiveUrl("socketcan", "can0", {"fd": True})),
        ("udp_multicast://239.74.163.2", LiveUrl("udp_multicast", "239.74.163.2", {"port": 43_113, "hop_limit": 0})),
        ("udp_multicast://[ff11::1]?port=5000", LiveUrl("udp_multicast", "ff11::1", {"port": 5_000, "hop_limit": 0})),
        ("virtual://line", LiveUrl("virtual", "line", {})),
        ("log:///var/log/can.log", LogUrl("/var/log/can.log")),
        ("log:can.log", LogUrl("can.log")),
        ("replay:logs/can.log", LogUrl("logs/can.log")),
    ],
)
def test_urls(text: str, expected: LiveUrl | LogUrl) -> None:
    assert parse_url(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("can0", "does not name a CAN bus"),
        ("socketcn://can0", "did you mean 'socketcan:'"),
        ("socketcan://", "does not name a channel"),
        ("socketcan://can0?bitrat=1", "did you mean 'bitrate'"),
        ("socketcan://can0?bitrate=fast", "no whole number"),
        ("socketcan://can0?fd=yes", "neither true nor false"),
        ("udp_multicast://10.0.0.1", "not a multicast address"),
        ("udp_multicast://239.74.163.2?port=70000", "no whole number"),
        ("virtual://a?port=1", "has no option"),
        ("log:", "names no file"),
    ],
)
def test_wrong_urls_say_what_would_be_right(text: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        parse_url(text)
    with pytest.raises(ValueError, match=told):
        settings(url=text)
