"""What the types of a model say of the fields of a DataSet: how each is encoded, and the names of enumerations."""

from __future__ import annotations

from nodesets.built_in_types import BuiltInType
from nodesets.datatypes.description import EnumerationDescription
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import STANDARD_NAMESPACE, NodeName, NodeNameError
from server.address_space.structured import StructureCodec
from server.pubsub.fields import DataSetField
from server.pubsub.json.objects import FieldType

NO_TYPES = StructureCodec(TypeRegistry(), ListedNamespaces(()))
"""Where no model is at hand: the built-in types alone."""
_ENUMERATION = NodeName.standard(29)


def field_type(field: DataSetField, types: TypeRegistry) -> FieldType:
    """Give how a field's values are encoded."""
    name = data_type_name(field)
    built_in = BuiltInType(int(field.wire_type))
    if name is None:
        return FieldType(built_in, None, rank=field.value_rank)
    try:
        built_in = types.built_in(name)
    except DataTypeError:
        number = name.identifier if name.namespace == STANDARD_NAMESPACE and name.kind == "i" else 0
        if isinstance(number, int) and 0 < number <= max(BuiltInType):
            built_in = BuiltInType(number)
    is_enumeration = name in types and types.is_subtype(name, _ENUMERATION)
    return FieldType(built_in, name, is_enumeration, field.value_rank)


def data_type_name(field: DataSetField) -> NodeName | None:
    """Give the DataType of a field; None where its built-in type is all there is to say."""
    if not field.data_type:
        return None
    try:
        return NodeName.parse(field.data_type)
    except NodeNameError:
        return None


def enumeration(name: NodeName, types: TypeRegistry) -> EnumerationDescription | None:
    """Describe an enumeration; None where the model does not."""
    try:
        return types.enumeration(name)
    except DataTypeError:
        return None
