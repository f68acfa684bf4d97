"""Values as the XML of a NodeSet2 file, such that reading it gives the same values (Part 6 v1.05 5.3).

Raises :class:`~nodesets.datatypes.problems.EncodingError` for what XML cannot say or what does not fit its type.
"""

from __future__ import annotations

from base64 import b64encode

from nodesets.built_in_types import BuiltInType, EncodedStructure, Matrix, Structure, Value, Variant
from nodesets.datatypes.binary_writer import elements_of
from nodesets.datatypes.defaults import NULLABLE
from nodesets.datatypes.description import FieldDescription, StructureDescription
from nodesets.datatypes.namespaces import Namespaces
from nodesets.datatypes.problems import DataTypeError, EncodingError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_elements import NIL, TYPES_NAMESPACE, Element, etree, types_namespace
from nodesets.datatypes.xml_writer import WRITERS, XmlWriter, set_text
from nodesets.names import NodeName

_TYPES = f"{{{TYPES_NAMESPACE}}}"
_Item = BuiltInType | FieldDescription


def write_value(variant: Variant, registry: TypeRegistry, namespaces: Namespaces) -> Element:
    """Write a value as the child of a NodeSet's ``Value``. The null Variant is an empty ``Variant`` element.

    An :class:`EncodedStructure` is written as it was read: namespace indexes within it are those of its old file.
    """
    writer = XmlWriter(registry, namespaces, _extension_object, _variant_content)
    root = etree.Element(_TYPES + "Value", nsmap={None: TYPES_NAMESPACE})
    if variant.type is BuiltInType.Null:
        return etree.SubElement(root, _TYPES + "Variant")
    _variant_content(writer, root, variant)
    return root[0]


def _variant_content(writer: XmlWriter, parent: Element, variant: Variant) -> None:
    """Write the element that says the type and the value."""
    built_in, value, dimensions = variant
    write = WRITERS.get(built_in)
    if write is None:
        message = f"{built_in.name} has no value"
        raise EncodingError(message)
    if dimensions is not None:
        matrix = etree.SubElement(parent, _TYPES + "Matrix")
        _matrix_content(writer, matrix, Matrix(dimensions, elements_of(value)), _TYPES + built_in.name, built_in)
    elif type(value) is tuple:
        _elements(
            writer, etree.SubElement(parent, f"{_TYPES}ListOf{built_in.name}"), value, _TYPES + built_in.name, built_in
        )
    elif value is None and built_in not in NULLABLE:
        etree.SubElement(parent, f"{_TYPES}ListOf{built_in.name}").set(NIL, "true")
    elif built_in is BuiltInType.Variant:
        message = "a Variant has a Variant as its value"
        raise EncodingError(message)
    else:
        write(writer, etree.SubElement(parent, _TYPES + built_in.name), value)


def _extension_object(writer: XmlWriter, element: Element, value: Value) -> None:
    if value is None:
        element.set(NIL, "true")
    elif isinstance(value, EncodedStructure):
        _encoded(writer, element, value)
    elif isinstance(value, Structure):
        described = _described(writer, value)
        # A type without Default XML goes by its own NodeId, which readers look up too.
        _type_id(writer, element, described.encodings.xml or described.type)
        body = etree.SubElement(element, _TYPES + "Body")
        namespace = types_namespace(described.type.namespace)
        content = etree.SubElement(body, f"{{{namespace}}}{described.tag}", nsmap={None: namespace})
        _structure(writer, content, value, described)
    else:
        message = f"{type(value).__name__} is no ExtensionObject"
        raise EncodingError(message)


def _type_id(writer: XmlWriter, element: Element, name: NodeName) -> None:
    WRITERS[BuiltInType.NodeId](writer, etree.SubElement(element, _TYPES + "TypeId"), name)


def _encoded(writer: XmlWriter, element: Element, value: EncodedStructure) -> None:
    _type_id(writer, element, value.encoding)
    if value.body is None:
        return
    body = etree.SubElement(element, _TYPES + "Body")
    if isinstance(value.body, bytes):
        etree.SubElement(body, _TYPES + "ByteString").text = b64encode(value.body).decode()
        return
    writer.fragment(body, value.body)


def _described(writer: XmlWriter, value: Structure) -> StructureDescription:
    try:
        return writer.registry.structure(value.type)
    except DataTypeError as error:
        raise EncodingError(str(error)) from None


def _structure(writer: XmlWriter, element: Element, value: Structure, described: StructureDescription) -> None:
    fields = value.fields
    names = {one.name for one in described.fields}
    if not names.issuperset(fields):
        message = f"{described.type} has no field {next(name for name in fields if name not in names)}"
        raise EncodingError(message)
    writer.enter()
    namespace = f"{{{types_namespace(described.type.namespace)}}}"
    if described.is_union:
        if len(fields) > 1:
            message = f"a union has the fields {', '.join(fields)}"
            raise EncodingError(message)
        chosen = next((place for place, one in enumerate(described.fields, 1) if one.name in fields), 0)
        etree.SubElement(element, namespace + "SwitchField").text = str(chosen)
    optional = described.optional_fields
    if described.has_mask:
        mask = sum(1 << bit for bit, one in enumerate(optional) if one.name in fields)
        etree.SubElement(element, namespace + "EncodingMask").text = str(mask)
    for one in described.fields:
        if one.name in fields:
            # A field is in the namespace of the type that defines it.
            place = types_namespace(one.owner.namespace)
            child = etree.SubElement(element, f"{{{place}}}{one.tag}")
            try:
                _field(writer, child, fields[one.name], one)
            except EncodingError as error:
                raise error.inside(one.name) from None
        elif not described.is_union and one not in optional:
            message = "the field has no value"
            raise EncodingError(message, (one.name,))
    writer.depth -= 1


def _field(writer: XmlWriter, element: Element, value: Value, field: FieldDescription) -> None:
    if field.rank == -1:
        _scalar(writer, element, value, field)
    elif value is None:
        element.set(NIL, "true")
    elif field.rank == 1:
        _elements(writer, element, value, _item_tag(field), field)
    elif isinstance(value, Matrix):
        _matrix_content(writer, element, value, _item_tag(field), field)
    else:
        message = f"{type(value).__name__} is no Matrix"
        raise EncodingError(message)


def _item_tag(field: FieldDescription) -> str:
    if field.is_inline or field.is_enumeration:
        return f"{{{types_namespace(field.data_type.namespace)}}}{field.type_tag}"
    # A built-in type's name is the one that every reader knows; Types.xsd has no ListOfDuration.
    return _TYPES + field.built_in.name


def _scalar(writer: XmlWriter, element: Element, value: Value, item: _Item) -> None:
    """Write a value of a built-in type, or one element of a field."""
    if isinstance(item, BuiltInType):
        WRITERS[item](writer, element, value)
    elif item.is_enumeration:
        _enumeration(writer, element, value, item.data_type)
    elif not item.is_inline:
        WRITERS[item.built_in](writer, element, value)
    elif isinstance(value, Structure) and value.type == item.data_type:
        _structure(writer, element, value, _described(writer, value))
    else:
        what = value.type if isinstance(value, Structure) else type(value).__name__
        message = f"{what} is no {item.data_type}"
        raise EncodingError(message)


def _enumeration(writer: XmlWriter, element: Element, value: Value, data_type: NodeName) -> None:
    """Write ``Name_number``, or the number where it has no name (Part 6 v1.05 5.3.2)."""
    WRITERS[BuiltInType.Int32](writer, element, value)
    try:
        names = writer.registry.enumeration(data_type).names
    except DataTypeError:
        return
    name = names.get(value) if isinstance(value, int) else None
    if name is not None:
        set_text(element, f"{name}_{element.text}")


def _elements(writer: XmlWriter, element: Element, value: Value, tag: str, item: _Item) -> None:
    for one in elements_of(value):
        _scalar(writer, etree.SubElement(element, tag), one, item)


def _matrix_content(writer: XmlWriter, element: Element, value: Matrix, tag: str, item: _Item) -> None:
    dimensions = etree.SubElement(element, _TYPES + "Dimensions")
    for length in value.dimensions:
        etree.SubElement(dimensions, _TYPES + "UInt32").text = str(length)
    _elements(writer, etree.SubElement(element, _TYPES + "Elements"), value.elements, tag, item)
