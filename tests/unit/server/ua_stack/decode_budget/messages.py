"""Requests of every type, filled with anything that they may hold, and written by asyncua's encoder."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum, IntFlag
from random import Random
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import (
    from_binary,
    get_safe_type_hints,
    nodeid_from_binary,
    resolve_uatype,
    struct_from_binary,
    struct_to_binary,
)
from asyncua.ua.uatypes import type_allow_subclass, type_from_list, type_from_optional, type_is_list, type_is_optional

from server.address_space.keys import NodeKey, key_of

DEEPEST = 4
"""Levels of structures in structures that are made up here."""
_LETTERS = "aZ0 .:/äЖ漢🙂\0"
_SIZES = {
    "SByte": (-(1 << 7), (1 << 7) - 1),
    "Byte": (0, (1 << 8) - 1),
    "Char": (0, (1 << 8) - 1),
    "Int16": (-(1 << 15), (1 << 15) - 1),
    "UInt16": (0, (1 << 16) - 1),
    "Int32": (-(1 << 31), (1 << 31) - 1),
    "UInt32": (0, (1 << 32) - 1),
    "Int64": (-(1 << 63), (1 << 63) - 1),
    "UInt64": (0, (1 << 64) - 1),
}


def _encodings() -> dict[str, NodeKey]:
    found: dict[str, NodeKey] = {}
    for name, number in vars(ua.ObjectIds).items():
        kind = name.removesuffix("Request_Encoding_DefaultBinary")
        if kind != name and hasattr(getattr(ua, f"{kind}Request", None), "__dataclass_fields__"):
            found[kind] = int(number)
    return {kind: found[kind] for kind in found if "RequestHeader" in _names(getattr(ua, f"{kind}Request"))}


def _names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]


SERVICES = _encodings()
"""The NodeId of a request's encoding by the service's name."""
IN_EXTENSION_OBJECTS: list[type] = [
    ua.AnonymousIdentityToken,
    ua.UserNameIdentityToken,
    ua.X509IdentityToken,
    ua.IssuedIdentityToken,
    ua.ReadRawModifiedDetails,
    ua.ReadProcessedDetails,
    ua.ReadAtTimeDetails,
    ua.ReadEventDetails,
    ua.UpdateDataDetails,
    ua.UpdateEventDetails,
    ua.DeleteRawModifiedDetails,
    ua.DeleteEventDetails,
    ua.HistoryData,
    ua.DataChangeFilter,
    ua.EventFilter,
    ua.AggregateFilter,
    ua.ElementOperand,
    ua.LiteralOperand,
    ua.AttributeOperand,
    ua.SimpleAttributeOperand,
    ua.ObjectAttributes,
    ua.VariableAttributes,
    ua.MethodAttributes,
    ua.ViewAttributes,
    ua.MdnsDiscoveryConfiguration,
    ua.AdditionalParametersType,
    ua.EphemeralKeyType,
    ua.Argument,
    ua.Range,
    ua.EUInformation,
    ua.EnumValueType,
    ua.StructureDefinition,
    ua.SessionSecurityDiagnosticsDataType,
    ua.BuildInfo,
    ua.ServerStatusDataType,
    ua.PubSubConnectionDataType,
    ua.DataSetMetaDataType,
]


class Maker:
    """Makes values up, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def message(self, service: str, token: ua.NodeId | None = None) -> bytes:
        """Make up a whole message of a service's request; ``token``: the session's, else any."""
        request = self.structure(getattr(ua, f"{service}Request"))
        request.TypeId = ua.NodeId(SERVICES[service])
        header = request.RequestHeader = ua.RequestHeader()
        header.AuthenticationToken, header.AuditEntryId = token or self.node_id(), self.text()
        header.RequestHandle, header.TimeoutHint = self.number("UInt32"), self.number("UInt32")
        header.AdditionalHeader = self.extension_object() if self.maybe() else None
        return struct_to_binary(request)

    def anything(self, kind: Any, depth: int) -> Any:
        """Make up a value of a type as asyncua annotates it."""
        kind, _ = resolve_uatype(kind)
        if type_is_list(kind):
            element = type_from_list(kind)
            return [self.anything(element, depth + 1) for _ in range(self.few() if depth < DEEPEST else 0)]
        if kind.__name__ in _SIZES:
            return self.number(kind.__name__)
        made = _MAKING.get(kind.__name__)
        if made is not None:
            return made(self)
        nested = _NESTED.get(kind.__name__)
        if nested is not None:
            return nested(self, depth)
        if issubclass(kind, Enum):
            return kind(self.random.randrange(256)) if issubclass(kind, IntFlag) else self.random.choice(list(kind))
        return self.structure(kind, depth)

    def structure(self, kind: type, depth: int = 0) -> Any:
        made = kind()
        hints = get_safe_type_hints(kind, {"ua": ua})
        for field in fields(kind):
            hint = hints[field.name]
            if field.name in ("TypeId", "Encoding", "RequestHeader"):
                continue
            if type_is_optional(hint):
                hint = type_from_optional(hint)
            inside = None if type_allow_subclass(hint) else self.anything(hint, depth + 1)
            setattr(made, field.name, inside)
        return made

    def variant(self, depth: int = 0) -> ua.Variant:
        """Make up a scalar, an array or a matrix."""
        kind = ua.VariantType(self.random.choice(_KINDS if depth < DEEPEST else _FLAT))
        form = self.random.choice(["scalar", "array", "matrix"])
        if kind is ua.VariantType.Null:
            return ua.Variant()
        if form == "scalar" and kind is not ua.VariantType.Variant:
            return ua.Variant(self.anything(getattr(ua, kind.name), depth + 1), kind)
        shape = [1 + self.few() for _ in range(2 + self.few() % 2)] if form == "matrix" else None
        size = math.prod(shape) if shape else self.few()
        flat = [self.anything(getattr(ua, kind.name), depth + 1) for _ in range(size)]
        return ua.Variant(_shaped(flat, shape) if shape else flat, kind, shape, is_array=True)

    def data_value(self, depth: int = 0) -> ua.DataValue:
        made = ua.DataValue(self.variant(depth + 1))
        made.StatusCode = ua.StatusCode(self.number("UInt32")) if self.maybe() else None
        made.SourceTimestamp = self.moment() if self.maybe() else None
        made.ServerTimestamp = self.moment() if self.maybe() else None
        made.SourcePicoseconds = self.number("UInt16") if self.maybe() else None
        made.ServerPicoseconds = self.number("UInt16") if self.maybe() else None
        return made

    def diagnostic_info(self, _: int = 0) -> ua.DiagnosticInfo:
        return ua.DiagnosticInfo(SymbolicId=self.number("Int32"), AdditionalInfo=self.text())

    def extension_object(self, depth: int = 0) -> Any:
        """Make up a structure that stands for itself, one that nobody knows, or none."""
        choice = self.random.randrange(4)
        if choice == 0 or depth > DEEPEST:
            return ua.ExtensionObject()
        if choice == 1:
            return ua.ExtensionObject(self.node_id(string=True), self.random.randbytes(self.few()))
        return self.structure(self.random.choice(IN_EXTENSION_OBJECTS), depth + 1)

    def node_id(self, *, string: bool = False) -> ua.NodeId:
        namespace = self.number("UInt16")
        made: list[ua.NodeId] = [
            ua.NodeId(self.text() or "", namespace),
            ua.NodeId(self.random.randbytes(self.few()), namespace),
            ua.NodeId(self.guid(), namespace),
            ua.NodeId(self.random.randrange(256)),
            ua.NodeId(self.random.randrange(1 << 16), namespace & 0xFF),
            ua.NodeId(self.number("UInt32"), namespace),
        ]
        return self.random.choice(made[:3] if string else made)

    def expanded_node_id(self) -> ua.ExpandedNodeId:
        node = self.node_id()
        uri, server = self.text() or None, self.few() or None
        return ua.ExpandedNodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType, uri, server)

    def number(self, name: str) -> int:
        low, high = _SIZES[name]
        return self.random.choice([0, low, high, self.random.randint(low, high)])

    def text(self) -> str | None:
        return None if self.random.randrange(4) == 0 else "".join(self.random.choices(_LETTERS, k=self.few()))

    def octets(self) -> bytes | None:
        return None if self.random.randrange(4) == 0 else self.random.randbytes(self.few())

    def guid(self) -> uuid.UUID:
        return uuid.UUID(bytes=self.random.randbytes(16))

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.random.randrange(4_000_000_000), UTC)

    def few(self) -> int:
        return self.random.randrange(4)

    def maybe(self) -> bool:
        return self.random.random() < 0.5


_MAKING: dict[str, Callable[[Maker], Any]] = {
    "Boolean": Maker.maybe,
    "Float": lambda maker: float(maker.number("Int16")),
    "Double": lambda maker: maker.random.choice([math.inf, math.nan, -0.0, maker.random.random()]),
    "String": Maker.text,
    "CharArray": Maker.text,
    "DateTime": Maker.moment,
    "Guid": Maker.guid,
    "ByteString": Maker.octets,
    "Bytes": Maker.octets,
    "XmlElement": lambda maker: ua.XmlElement(maker.text()),
    "NodeId": Maker.node_id,
    "ExpandedNodeId": Maker.expanded_node_id,
    "StatusCode": lambda maker: ua.StatusCode(maker.number("UInt32")),
    "QualifiedName": lambda maker: ua.QualifiedName(maker.text(), maker.random.randrange(1 << 15)),
    "LocalizedText": lambda maker: ua.LocalizedText(maker.text(), maker.text()),
}
_NESTED: dict[str, Callable[[Maker, int], Any]] = {
    "ExtensionObject": Maker.extension_object,
    "DataValue": Maker.data_value,
    "Variant": Maker.variant,
    "DiagnosticInfo": Maker.diagnostic_info,
}
_KINDS = range(26)
_FLAT = range(22)


def _shaped(flat: list[Any], shape: list[int]) -> list[Any]:
    if len(shape) == 1:
        return flat
    size = math.prod(shape[1:])
    return [_shaped(flat[at : at + size], shape[1:]) for at in range(0, len(flat), size)]


def parameters_at(message: bytes) -> int:
    """Give where a request's parameters begin, as asyncua reads it."""
    buffer = Buffer(message)
    nodeid_from_binary(buffer)
    struct_from_binary(ua.RequestHeader, buffer)
    return len(message) - len(buffer)


def decode(message: bytes) -> tuple[NodeKey, Any]:
    """Read a whole message as asyncua's server does."""
    kind = key_of(nodeid_from_binary(Buffer(message)))
    buffer = Buffer(message)
    names = {number: name for name, number in SERVICES.items()}
    nodeid_from_binary(buffer)
    header = struct_from_binary(ua.RequestHeader, buffer)
    request = getattr(ua, f"{names[int(kind)]}Request")  # type: ignore[arg-type]  # a numeric key
    hints = get_safe_type_hints(request, {"ua": ua})
    parts = [hints[field.name] for field in fields(request) if field.name not in ("TypeId", "RequestHeader")]
    return kind, (header, [_part(hint, buffer) for hint in parts])


def _part(hint: Any, buffer: Buffer) -> Any:
    return from_binary(hint, buffer)
