"""Where frames come from: a live bus (``socketcan://can0``) or a recorded log (``log:///var/log/can.log``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from core.errors import SettingError
from core.settings import nearest

_LOG_SCHEMES = ("log", "replay")
_LIVE_SCHEMES = ("socketcan", "udp_multicast", "virtual")
_EXAMPLES = "socketcan://can0, udp_multicast://239.74.163.2?port=43113, virtual://name or log:///path/to/file"
_HIGHEST_PORT = 65_535
_HIGHEST_HOPS = 255


@dataclass(frozen=True, slots=True)
class LiveUrl:
    """A bus: python-can's interface and channel with its options."""

    interface: str
    channel: str
    options: Mapping[str, int | bool]


@dataclass(frozen=True, slots=True)
class LogUrl:
    """A recorded log; a relative path counts from the configuration file's folder."""

    path: str


def parse_url(text: str) -> LiveUrl | LogUrl:
    """Read a device's ``url``. Raises :class:`~core.errors.SettingError` that shows what would be right."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in (*_LOG_SCHEMES, *_LIVE_SCHEMES):
        near = nearest(scheme, (*_LIVE_SCHEMES, *_LOG_SCHEMES)) if colon else None
        problem = f"{text!r} does not name a CAN bus or a log"
        raise SettingError(problem, f"did you mean '{near}:'?" if near else f"write {_EXAMPLES}")
    if scheme in _LOG_SCHEMES:
        path = rest.removeprefix("//")
        if not path:
            problem = f"{text!r} names no file"
            raise SettingError(problem, "write log:///path/to/file, or log:file beside the configuration")
        return LogUrl(path)
    return _live(text, scheme, rest)


def _live(text: str, scheme: str, rest: str) -> LiveUrl:
    try:
        parts = urlsplit(rest)  # without the scheme: urllib knows none with an underscore
    except ValueError:
        parts = urlsplit("")
    channel = parts.netloc
    if not channel or parts.path not in ("", "/") or parts.fragment:
        problem = f"{text!r} does not name a channel"
        raise SettingError(problem, f"write {_EXAMPLES}")
    known = _OPTIONS[scheme]
    options: dict[str, int | bool] = dict(_DEFAULTS[scheme])
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            near = nearest(name, known)
            problem = f"{scheme} has no option '{name}'"
            mend = f"did you mean '{near}'?" if near else f"options: {', '.join(known) or 'none'}"
            raise SettingError(problem, mend)
        options[name] = known[name](name, value)
    if scheme == "udp_multicast":
        _check_group(channel)
    return LiveUrl(scheme, channel.strip("[]"), options)


def _check_group(channel: str) -> None:
    try:
        is_group = ipaddress.ip_address(channel.strip("[]")).is_multicast
    except ValueError:
        is_group = False
    if not is_group:
        problem = f"{channel!r} is not a multicast address"
        raise SettingError(problem, "write one such as 239.74.163.2")


def _whole(lowest: int, highest: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        if not (value.isascii() and value.isdigit() and lowest <= int(value[:10]) <= highest):
            problem = f"{name}={value} is no whole number from {lowest} to {highest}"
            raise SettingError(problem, f"write {name}={lowest}" if lowest == highest else "")
        return int(value)

    return read


def _truth(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        problem = f"{name}={value} is neither true nor false"
        raise SettingError(problem, f"write {name}=true")
    return value == "true"


# socketcan's bit rate is set where the link is brought up; python-can takes the option and the kernel's setting stands.
_OPTIONS: dict[str, dict[str, Callable[[str, str], int | bool]]] = {
    "socketcan": {"bitrate": _whole(1_000, 8_000_000), "fd": _truth},
    "udp_multicast": {"port": _whole(1, _HIGHEST_PORT), "hop_limit": _whole(0, _HIGHEST_HOPS), "fd": _truth},
    "virtual": {},
}
# Zero hops: nothing sent leaves this machine unless someone asks for it.
_DEFAULTS: dict[str, dict[str, int | bool]] = {
    "socketcan": {},
    "udp_multicast": {"port": 43_113, "hop_limit": 0},
    "virtual": {},
}
