"""Values in the two JSON forms that CompactEncoding and VerboseEncoding have replaced (Part 6 v1.05 Annex H).

Consumers written for Part 6 v1.04 know no others. Namespaces are named by URI here as well, where the reversible form
has an index: an index means nothing to somebody who has not got this server's NamespaceArray.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Final

from nodesets.built_in_types import (
    NULL_NODE,
    BuiltInType,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    Matrix,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.description import FieldDescription
from nodesets.datatypes.json_values import Json, JsonEncoder
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import STANDARD_NAMESPACE, NodeName

_ID_TYPES: Final = {"i": 0, "s": 1, "g": 2, "b": 3}


class DeprecatedJsonEncoder(JsonEncoder):
    """Writes ReversibleEncoding, or NonReversibleEncoding, from which types cannot be told."""

    def __init__(self, registry: TypeRegistry, status_name: Callable[[int], str], *, reversible: bool) -> None:
        """Take the types; non-reversible values give enumerations and StatusCodes their names."""
        super().__init__(registry, status_name, verbose=not reversible)
        self._reversible = reversible
        self._merges = False

    def variant(self, variant: Variant) -> Json:
        """Give an object of ``Type`` and ``Body`` (H.8); non-reversible the value alone."""
        if variant.type is BuiltInType.Null:
            return None
        if not self._reversible:
            return self.unwrapped(variant)
        found: dict[str, Json] = {"Type": int(variant.type)}
        if variant.value is not None:
            found["Body"] = self.shaped(variant.type, variant.value)
        if variant.dimensions is not None:
            found["Dimensions"] = list(variant.dimensions)
        return found

    def unwrapped(self, variant: Variant) -> Json:
        """Give a value; a matrix is nested arrays (H.9)."""
        value = self.shaped(variant.type, variant.value)
        return nested(value, variant.dimensions or ()) if isinstance(value, list) else value

    def _scalar(self, built_in: BuiltInType, value: Value) -> Json:  # noqa: PLR0911 - one case a type
        match value:
            case NodeName():
                return _node(value)
            case ExpandedNodeName():
                return {**_node(value.node), "ServerUri": value.server} if value.server else _node(value.node)
            case QualifiedName():
                uri: dict[str, Json] = {} if value.namespace == STANDARD_NAMESPACE else {"Uri": value.namespace}
                return {"Name": value.name, **uri} if value.name is not None else None
            case LocalizedText() if not self._reversible:
                return value.text
            case EncodedStructure():
                return self._encoded(value)
            case Structure():
                body = self.inline(value)
                return {"TypeId": _node(value.type), "Body": body} if self._reversible else body
            case _:
                return super()._scalar(built_in, value)

    def _status(self, status: int) -> Json:
        return status if self._reversible else super()._status(status) if status else {}

    def inline(self, value: Structure) -> Json:
        """Give a structure; a non-reversible union is the value of its one field, without what tells which (H.10)."""
        found = self._structure(value)
        described = self._registry.structure(value.type)
        if self._reversible:
            if not described.is_union:
                return found
            switch = found.pop("SwitchField", 0)
            return {"SwitchField": switch, "Value": next(iter(found.values()), None)} if switch else None
        return next(iter(found.values()), None) if described.is_union else found

    def _field(self, field: FieldDescription, value: Value) -> Json:
        if isinstance(value, Matrix):
            return nested([self._element(field, one) for one in value.elements], value.dimensions)
        return super()._field(field, value)

    def _encoded(self, value: EncodedStructure) -> Json:
        if value.body is None:
            return None if value.encoding == NULL_NODE else {"TypeId": _node(value.encoding)}
        is_binary = isinstance(value.body, bytes)
        body = b64encode(value.body).decode() if isinstance(value.body, bytes) else value.body
        if not self._reversible:
            return body
        return {"TypeId": _node(value.encoding), "Encoding": 1 if is_binary else 2, "Body": body}


def _node(name: NodeName) -> dict[str, Json]:
    identifier = name.identifier
    if isinstance(identifier, bytes):
        identifier = b64encode(identifier).decode()
    found: dict[str, Json] = {"IdType": _ID_TYPES[name.kind]} if name.kind != "i" else {}
    found["Id"] = identifier if isinstance(identifier, int) else str(identifier)
    if name.namespace != STANDARD_NAMESPACE:
        found["Namespace"] = name.namespace
    return found


def nested(elements: list[Json], dimensions: Sequence[int]) -> Json:
    """Give a matrix as arrays of arrays, the first dimension outermost (H.9)."""
    for size in reversed(dimensions[1:]):
        elements = [list(elements[begin : begin + size]) for begin in range(0, len(elements), size)] if size else []
    return elements
