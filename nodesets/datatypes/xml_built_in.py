"""Reading the XML elements of built-in types (Part 6 v1.05 5.3.1). What is wrong is collected, and reading goes on."""

from __future__ import annotations

from nodesets.built_in_types import (
    NULL_GUID,
    NULL_NAME,
    NULL_NODE,
    NULL_TEXT,
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    QualifiedName,
    Value,
    Variant,
)
from nodesets.datatypes.defaults import NULL_VARIANT, NULLABLE, default_of_built_in
from nodesets.datatypes.xml_elements import (
    BUILT_IN_NAMES,
    Element,
    canonical,
    children,
    escape,
    local_name,
    text_of,
)
from nodesets.datatypes.xml_reader import ElementReader, XmlReader
from nodesets.datatypes.xml_texts import (
    MAX_UINT32,
    PLAIN,
    TextProblem,
    expanded_name,
    guid,
    namespace_of,
    node_name,
    whole,
)
from nodesets.names import STANDARD_NAMESPACE, NodeName

_LIST_OF = "ListOf"
_DATA_VALUE = (
    "Value",
    "StatusCode",
    "SourceTimestamp",
    "SourcePicoseconds",
    "ServerTimestamp",
    "ServerPicoseconds",
)
_DIAGNOSTIC_INDEXES = ("SymbolicId", "NamespaceUri", "Locale", "LocalizedText")
_DIAGNOSTIC_INFO = (*_DIAGNOSTIC_INDEXES, "AdditionalInfo", "InnerStatusCode", "InnerDiagnosticInfo")


def _plain(built_in: BuiltInType) -> ElementReader:
    parse = PLAIN[built_in]
    default = default_of_built_in(built_in)

    def read(reader: XmlReader, element: Element) -> Value:
        text = element.text
        if text is None or len(element):
            text = reader.plain_text(element)
            if text is None:
                return default
        try:
            return parse(text)
        except TextProblem as problem:
            mend = problem.mend or "write such a number, or another type"
            reader.tell(element, f"{local_name(element)}: {problem.problem}", mend)
            return default

    return read


def _string(reader: XmlReader, element: Element) -> str | None:
    text: str | None = element.text
    return reader.plain_text(element) if text is None or len(element) else text


def _xml_element(reader: XmlReader, element: Element) -> str | None:
    nested = children(element)
    if not nested:
        return reader.plain_text(element)
    between = [element.text or "", *(one.tail or "" for one in element)]
    if not "".join(between).strip():
        return "".join(canonical(one) for one in nested)
    # Text beside the elements is content too; white space alone is the file's layout.
    parts = [escape(element.text or "")]
    for one in element:
        parts += [canonical(one) if type(one.tag) is str else "", escape(one.tail or "")]
    return "".join(parts)


def _wrapped(reader: XmlReader, element: Element, name: str) -> str | None:
    """Give the text of the one element ``name`` within; None for a null value."""
    if not len(element) and (element.text is None or element.text.isspace()):
        return None
    if not children(element):
        problem = f"{local_name(element)} has no element {name} around its text"
        reader.tell(element, problem, f"write <{name}>…</{name}>", "warning")
        return reader.plain_text(element)
    inner = reader.parts(element, (name,)).get(name)
    return None if inner is None else reader.plain_text(inner)


def read_node_id(reader: XmlReader, element: Element) -> NodeName:
    """Read a NodeId, or one of the file's aliases."""
    text = _wrapped(reader, element, "Identifier")
    if text is None:
        return NULL_NODE
    try:
        return node_name(text, reader.context)
    except TextProblem as problem:
        reader.tell(element, problem.problem, problem.mend)
        return NULL_NODE


def _expanded_node(reader: XmlReader, element: Element) -> ExpandedNodeName:
    text = _wrapped(reader, element, "Identifier")
    if text is None:
        return ExpandedNodeName(NULL_NODE)
    try:
        return expanded_name(text, reader.context)
    except TextProblem as problem:
        reader.tell(element, problem.problem, problem.mend or "write the server's number: svr=1;…")
        return ExpandedNodeName(NULL_NODE)


def _guid(reader: XmlReader, element: Element) -> Value:
    text = _wrapped(reader, element, "String")
    if not text:
        return NULL_GUID
    try:
        return guid(text)
    except TextProblem as problem:
        reader.tell(element, problem.problem, problem.mend)
        return NULL_GUID


def _status_code(reader: XmlReader, element: Element) -> int:
    text = _wrapped(reader, element, "Code")
    if text is None:
        return 0
    try:
        return whole(text, 0, MAX_UINT32)
    except TextProblem as problem:
        reader.tell(element, problem.problem, "write the StatusCode's number")
        return 0


def _qualified_name(reader: XmlReader, element: Element) -> QualifiedName:
    parts = reader.parts(element, ("NamespaceIndex", "Name"))
    if not parts:
        return NULL_NAME
    namespace = STANDARD_NAMESPACE
    index = parts.get("NamespaceIndex")
    if index is not None:
        try:
            namespace = namespace_of(text_of(index) or "0", reader.context)
        except TextProblem as problem:
            reader.tell(index, problem.problem, problem.mend or "write the namespace's index in the file")
    name = parts.get("Name")
    return QualifiedName(namespace, None if name is None else _string(reader, name))


def _localized_text(reader: XmlReader, element: Element) -> LocalizedText:
    parts = reader.parts(element, ("Locale", "Text"))
    if not parts:
        return NULL_TEXT
    locale, text = parts.get("Locale"), parts.get("Text")
    return LocalizedText(
        None if locale is None else _string(reader, locale),
        None if text is None else _string(reader, text),
    )


def _variant(reader: XmlReader, element: Element) -> Variant:
    if not reader.enter(element):
        return NULL_VARIANT
    value = reader.parts(element, ("Value",)).get("Value")
    found = NULL_VARIANT if value is None else _content(reader, value)
    reader.depth -= 1
    return found


def _content(reader: XmlReader, value: Element) -> Variant:
    """Read what is inside of a ``Value``: one element that says its type, or nothing for null."""
    nested = children(value)
    if not nested:
        if not text_of(value).strip():
            return NULL_VARIANT
        reader.tell(value, "Value has text where an element that says the type belongs", "write <String>…</String>")
        return NULL_VARIANT
    for one in nested[1:]:
        reader.tell(one, "Value has a second value", "write an array as one ListOf…")
    return read_typed(reader, nested[0])


def _data_value(reader: XmlReader, element: Element) -> DataValue:
    if not reader.enter(element):
        return DataValue()
    parts = reader.parts(element, _DATA_VALUE)

    def part(name: str, built_in: BuiltInType) -> int | None:
        found = parts.get(name)
        value = None if found is None else READERS[built_in](reader, found)
        return value if isinstance(value, int) else None

    value = parts.get("Value")
    found = DataValue(
        value=None if value is None else _data_value_content(reader, value),
        status=part("StatusCode", BuiltInType.StatusCode),
        source_time=part("SourceTimestamp", BuiltInType.DateTime),
        source_picoseconds=part("SourcePicoseconds", BuiltInType.UInt16),
        server_time=part("ServerTimestamp", BuiltInType.DateTime),
        server_picoseconds=part("ServerPicoseconds", BuiltInType.UInt16),
    )
    reader.depth -= 1
    return found


def _data_value_content(reader: XmlReader, value: Element) -> Variant:
    """Read a DataValue's Value, which is a Variant with a Value of its own; some writers leave that one out."""
    nested = children(value)
    if len(nested) == 1 and local_name(nested[0]) != "Value":
        return read_typed(reader, nested[0])
    return _variant(reader, value)


def _diagnostic_info(reader: XmlReader, element: Element) -> DiagnosticInfo:
    if not reader.enter(element):
        return DiagnosticInfo()
    parts = reader.parts(element, _DIAGNOSTIC_INFO)
    indexes: list[int | None] = []
    for name in _DIAGNOSTIC_INDEXES:
        value = READERS[BuiltInType.Int32](reader, parts[name]) if name in parts else None
        indexes.append(value if isinstance(value, int) else None)
    additional, status, inner = (parts.get(name) for name in _DIAGNOSTIC_INFO[4:])
    found = DiagnosticInfo(
        *indexes,
        additional_info=None if additional is None else _string(reader, additional),
        inner_status=None if status is None else _status_code(reader, status),
        inner=None if inner is None else _diagnostic_info(reader, inner),
    )
    reader.depth -= 1
    return found


def read_typed(reader: XmlReader, element: Element) -> Variant:
    """Read an element that says its type by its name: ``Int32``, ``ListOfInt32`` or ``Matrix``."""
    name = local_name(element)
    scalar = BUILT_IN_NAMES.get(name)
    if scalar is BuiltInType.Variant:
        reader.tell(element, "a Variant has a Variant as its value", "write the inner value alone", "warning")
        return _variant(reader, element)
    if scalar is not None:
        return Variant(scalar, READERS[scalar](reader, element))
    item = BUILT_IN_NAMES.get(name.removeprefix(_LIST_OF)) if name.startswith(_LIST_OF) else None
    if item is not None:
        found = reader.items(element, READERS[item], (item.name,))
        return Variant(item, () if found is None and item in NULLABLE else found)
    if name == "Matrix":
        return _matrix(reader, element)
    mend = "write the name of a built-in type, or ListOf before it"
    reader.tell(element, f"{name} is no built-in type, no array of one and no Matrix", mend)
    return Variant(BuiltInType.ExtensionObject, EncodedStructure(NULL_NODE, canonical(element)))


def _matrix(reader: XmlReader, element: Element) -> Variant:
    parts = reader.parts(element, ("Dimensions", "Elements"))
    dimensions = reader.dimensions(parts.get("Dimensions"))
    listed = parts.get("Elements")
    first = next(iter(children(listed)), None) if listed is not None else None
    if listed is None or first is None:
        # An empty matrix does not say its type; that of a Variant's elements is the one that excludes nothing.
        return Variant(BuiltInType.Variant, (), dimensions) if reader.fits(element, dimensions, 0) else NULL_VARIANT
    built_in = BUILT_IN_NAMES.get(local_name(first))
    if built_in is None:
        reader.tell(first, f"{local_name(first)} is no built-in type", "write the name of a built-in type")
        return Variant(BuiltInType.ExtensionObject, EncodedStructure(NULL_NODE, canonical(element)))
    found = reader.items(listed, READERS[built_in], (built_in.name,)) or ()
    fits = reader.fits(element, dimensions, len(found))
    return Variant(built_in, found, dimensions if fits and len(dimensions) > 1 else None)


def _extension_object(reader: XmlReader, element: Element) -> Value:
    return reader.extension_object(reader, element)


READERS: dict[BuiltInType, ElementReader] = {
    **{one: _plain(one) for one in PLAIN},
    BuiltInType.String: _string,
    BuiltInType.Guid: _guid,
    BuiltInType.XmlElement: _xml_element,
    BuiltInType.NodeId: read_node_id,
    BuiltInType.ExpandedNodeId: _expanded_node,
    BuiltInType.StatusCode: _status_code,
    BuiltInType.QualifiedName: _qualified_name,
    BuiltInType.LocalizedText: _localized_text,
    BuiltInType.ExtensionObject: _extension_object,
    BuiltInType.DataValue: _data_value,
    BuiltInType.Variant: _variant,
    BuiltInType.DiagnosticInfo: _diagnostic_info,
}
"""How a scalar of each built-in type is read from its element, whatever that is called."""
