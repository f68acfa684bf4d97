"""A subscriber's view of the verbose form: a field's JSON and its FieldMetaData, and nothing else, give the value.

Written from Part 6 v1.05 5.4.2 and 5.4.5, one clause at a time, without a line of the encoder's.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from nodesets.built_in_types import BuiltInType, ExpandedNodeName, LocalizedText, QualifiedName, Value, Variant
from nodesets.names import STANDARD_NAMESPACE, NodeName

_FIRST = datetime(1601, 1, 1)  # noqa: DTZ001 - DateTimes are UTC, and only compared with each other


def decode(shown: Any, built_in: BuiltInType, rank: int) -> Variant:
    """Give a field's value."""
    if rank == -1:
        return Variant(built_in, _scalar(shown, built_in))
    if rank == 1:
        return Variant(built_in, tuple(_scalar(one, built_in) for one in shown))
    elements = tuple(_scalar(one, built_in) for one in shown["Array"])
    return Variant(built_in, elements, tuple(shown["Dimensions"]))


def _scalar(shown: Any, built_in: BuiltInType) -> Value:  # noqa: C901, PLR0911 - one clause a line
    match built_in:
        case BuiltInType.Int64 | BuiltInType.UInt64:
            assert isinstance(shown, str)
            return int(shown)
        case BuiltInType.Float | BuiltInType.Double:
            return float(shown.replace("Infinity", "inf")) if isinstance(shown, str) else float(shown)
        case BuiltInType.DateTime:
            return _ticks(shown)
        case BuiltInType.Guid:
            return UUID(shown)
        case BuiltInType.ByteString:
            return None if shown is None else base64.b64decode(shown, validate=True)
        case BuiltInType.NodeId:
            return _node(shown)
        case BuiltInType.ExpandedNodeId:
            server, _, rest = shown.partition(";") if shown.startswith("svr=") else ("svr=0", "", shown)
            return ExpandedNodeName(_node(rest), int(server.removeprefix("svr=")))
        case BuiltInType.StatusCode:
            return shown.get("Code", 0)
        case BuiltInType.QualifiedName:
            return _qualified(shown)
        case BuiltInType.LocalizedText:
            return LocalizedText(shown.get("Locale"), shown.get("Text"))
        case _:
            return shown


def _ticks(shown: str) -> int:
    if shown == "0001-01-01T00:00:00Z":
        return 0
    whole, _, fraction = shown.removesuffix("Z").partition(".")
    passed = datetime.fromisoformat(whole) - _FIRST
    return passed // timedelta(seconds=1) * 10_000_000 + int(fraction.ljust(7, "0") or "0")


def _split(shown: str) -> tuple[str, str]:
    if not shown.startswith("nsu="):
        return STANDARD_NAMESPACE, shown
    uri, _, rest = shown.removeprefix("nsu=").partition(";")
    return uri.replace("%3b", ";").replace("%3B", ";").replace("%25", "%"), rest


def _node(shown: str) -> NodeName:
    uri, rest = _split(shown)
    kind, _, identifier = rest.partition("=")
    match kind:
        case "i":
            return NodeName(uri, "i", int(identifier))
        case "g":
            return NodeName(uri, "g", UUID(identifier))
        case "b":
            return NodeName(uri, "b", base64.b64decode(identifier, validate=True))
        case _:
            return NodeName(uri, "s", identifier)


def _qualified(shown: str) -> QualifiedName:
    uri, name = _split(shown)
    return QualifiedName(uri, name)
