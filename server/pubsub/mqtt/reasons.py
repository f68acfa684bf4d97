"""What the broker's reason codes mean (MQTT 5.0, 2.4) and the return codes of MQTT 3.1.1's CONNACK (3.2.2.3)."""

from __future__ import annotations

from typing import Final

from server.pubsub.contract import LOST

RETAIN_NOT_SUPPORTED: Final = 0x9A
QOS_NOT_SUPPORTED: Final = 0x9B

_TEXTS: Final = {
    0x00: "Success",
    0x01: "Granted QoS 1",
    0x02: "Granted QoS 2",
    0x04: "Disconnect with will message",
    0x10: "No matching subscribers",
    0x11: "No subscription found",
    0x18: "Continue authentication",
    0x19: "Re-authenticate",
    0x80: "Unspecified error",
    0x81: "Malformed packet",
    0x82: "Protocol error",
    0x83: "Implementation specific error",
    0x84: "Unsupported protocol version",
    0x85: "Client identifier not valid",
    0x86: "Bad user name or password",
    0x87: "Not authorized",
    0x88: "Server unavailable",
    0x89: "Server busy",
    0x8A: "Banned",
    0x8B: "Server shutting down",
    0x8C: "Bad authentication method",
    0x8D: "Keep alive timeout",
    0x8E: "Session taken over",
    0x8F: "Topic filter invalid",
    0x90: "Topic name invalid",
    0x91: "Packet identifier in use",
    0x92: "Packet identifier not found",
    0x93: "Receive maximum exceeded",
    0x94: "Topic alias invalid",
    0x95: "Packet too large",
    0x96: "Message rate too high",
    0x97: "Quota exceeded",
    0x98: "Administrative action",
    0x99: "Payload format invalid",
    RETAIN_NOT_SUPPORTED: "Retain not supported",
    QOS_NOT_SUPPORTED: "QoS not supported",
    0x9C: "Use another server",
    0x9D: "Server moved",
    0x9E: "Shared subscription not supported",
    0x9F: "Connection rate exceeded",
    0xA0: "Maximum connect time",
    0xA1: "Subscription identifiers not supported",
    0xA2: "Wildcard subscription not supported",
}

_OF_V311: Final = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}

LASTING: Final = frozenset({0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x95, 0x97, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F})
"""Refusals of a CONNECT that another try a moment later does not mend."""


def of_v311(code: int) -> int:
    """Give MQTT 5.0's reason code for a return code of MQTT 3.1.1's CONNACK."""
    return _OF_V311.get(code, 0x80) if code else 0


def reason_text(code: int) -> str:
    """Name a reason code, or :data:`~server.pubsub.contract.LOST`."""
    if code == LOST:
        return "the link ended before it was acknowledged"
    return _TEXTS.get(code) or f"reason code {code:#04x}"
