"""What can stand in an MQTT topic (MQTT 5.0, 4.7)."""

from __future__ import annotations

from core.errors import SettingError

_LONGEST = 65_535
"""Bytes of a topic (MQTT 5.0, 1.5.4), which has up to four of our parts and some of Part 14's."""


def check_level(text: str) -> str:
    """Give ``text`` back if it can stand as one topic level.

    Raises:
        SettingError: It is empty or too long, or holds ``/``, ``+``, ``#`` or control characters (MQTT 5.0, 4.7.1).
    """
    if len(text.encode("utf-8", "replace")) > _LONGEST // 5:
        problem = f"{text[:20]!r}... is too long for an MQTT topic"
        raise SettingError(problem, "choose a shorter name")
    if not text or any(sign in text for sign in "/+#") or not text.isprintable():
        problem = f"{text!r} cannot stand in an MQTT topic"
        raise SettingError(problem, "leave out '/', '+', '#' and control characters")
    return text


def check_prefix(text: str) -> str:
    """Give a prefix of one or several levels back.

    Raises:
        SettingError: A level is not one, or the first begins with ``$``, which is the broker's (MQTT 5.0, 4.7.2).
    """
    for level in text.split("/"):
        check_level(level)
    if text.startswith("$"):
        problem = f"the prefix {text!r} begins with '$', which belongs to the broker"
        raise SettingError(problem, "write for example opcua")
    if len(text.encode()) > _LONGEST // 5:
        problem = "the prefix is too long for an MQTT topic"
        raise SettingError(problem, "write for example opcua")
    return text
