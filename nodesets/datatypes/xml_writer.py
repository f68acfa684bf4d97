"""Writing built-in types as XML elements (Part 6 v1.05 5.3.1). What does not fit raises :class:`EncodingError`."""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections.abc import Callable
from typing import NoReturn
from uuid import UUID

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    ExpandedNodeName,
    LocalizedText,
    QualifiedName,
    Value,
    Variant,
)
from nodesets.datatypes.date_times import format_date_time
from nodesets.datatypes.namespaces import Namespaces
from nodesets.datatypes.problems import MAX_DEPTH, EncodingError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_elements import NIL, TYPES_NAMESPACE, Element, escape, etree
from nodesets.datatypes.xml_texts import RANGES
from nodesets.names import STANDARD_NAMESPACE, NodeName

ElementWriter = Callable[["XmlWriter", Element, Value], None]
_TYPES = f"{{{TYPES_NAMESPACE}}}"
_NAME = re.compile(r"[^\s/>]+")


class XmlWriter:
    """Writes one value. The two functions write what needs descriptions, and what says its own type."""

    __slots__ = ("depth", "extension_object", "namespaces", "registry", "variant_content")

    def __init__(
        self,
        registry: TypeRegistry,
        namespaces: Namespaces,
        extension_object: ElementWriter,
        variant_content: Callable[[XmlWriter, Element, Variant], None],
    ) -> None:
        """Take what values are written with."""
        self.registry = registry
        self.namespaces = namespaces
        self.extension_object = extension_object
        self.variant_content = variant_content
        self.depth = 0

    def enter(self) -> None:
        """Go one level deeper. Whoever calls counts ``depth`` down afterwards."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            refuse(f"the value has more than {MAX_DEPTH} levels")

    def index(self, uri: str) -> int:
        """Give a namespace's index."""
        if uri == STANDARD_NAMESPACE:
            return 0
        try:
            return self.namespaces.index_of(uri)
        except LookupError:
            refuse(f"the namespace {uri} is not in the table")

    def node_text(self, name: NodeName) -> str:
        """Write a NodeId with its namespace's index."""
        index = self.index(name.namespace)
        local = str(NodeName(STANDARD_NAMESPACE, name.kind, name.identifier))
        return f"ns={index};{local}" if index else local

    def fragment(self, parent: Element, text: str) -> None:
        """Put XML text into an element: elements where it is well-formed, else the text itself."""
        try:
            parsed = etree.fromstring(f"<x>{text}</x>", _parser())
            if len(parsed):
                parsed = etree.fromstring(_apart(parsed), _parser())
        except etree.XMLSyntaxError:
            set_text(parent, text)
            return
        if not len(parsed):
            set_text(parent, text)
            return
        parent.text = parsed.text
        parent.extend(list(parsed))


def _apart(parsed: Element) -> str:
    """Say at each element where it is in no default namespace, so that it takes on none from its new parent."""
    parts = ['<x xmlns="urn:x">', escape(parsed.text or "")]
    for one in parsed:
        written: str = etree.tostring(one, encoding="unicode", with_tail=False)
        if type(one.tag) is str and None not in one.nsmap:
            name = _NAME.match(written, 1)
            end = name.end() if name else 1
            written = f'{written[:end]} xmlns=""{written[end:]}'
        parts += [written, escape(one.tail or "")]
    return "".join(parts) + "</x>"


def refuse(problem: str) -> NoReturn:
    """Raise :class:`EncodingError`."""
    raise EncodingError(problem)


def set_text(element: Element, text: str) -> None:
    """Set an element's text, which XML 1.0 cannot do for every character."""
    try:
        element.text = text
    except ValueError:
        refuse("a text has a character that XML cannot say")


def _parser() -> Element:
    """Make a parser that fetches nothing and expands nothing."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_pis=False)


def _part(parent: Element, name: str) -> Element:
    return etree.SubElement(parent, _TYPES + name)


def _other(value: Value, wanted: BuiltInType) -> NoReturn:
    refuse(f"{type(value).__name__} is no {wanted.name}")


def _boolean(_writer: XmlWriter, element: Element, value: Value) -> None:
    if value is not True and value is not False:
        _other(value, BuiltInType.Boolean)
    element.text = "true" if value else "false"


def _whole(built_in: BuiltInType) -> ElementWriter:
    least, most = RANGES[built_in]

    def write(_writer: XmlWriter, element: Element, value: Value) -> None:
        if not isinstance(value, int) or not least <= value <= most:
            refuse(f"{str(value)[:40]!r} is no {built_in.name}")
        element.text = str(int(value))

    return write


def _float(_writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, (float, int)):
        _other(value, BuiltInType.Double)
    number = float(value)
    if math.isfinite(number):
        element.text = repr(number)
    else:
        element.text = "NaN" if math.isnan(number) else "INF" if number > 0 else "-INF"


def _string(_writer: XmlWriter, element: Element, value: Value) -> None:
    if value is None:
        element.set(NIL, "true")
    elif isinstance(value, str):
        set_text(element, value)
    else:
        _other(value, BuiltInType.String)


def _date_time(_writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, int):
        _other(value, BuiltInType.DateTime)
    element.text = format_date_time(value)


def _guid(_writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, UUID):
        _other(value, BuiltInType.Guid)
    _part(element, "String").text = str(value)


def _byte_string(_writer: XmlWriter, element: Element, value: Value) -> None:
    if value is None:
        element.set(NIL, "true")
    elif isinstance(value, bytes):
        element.text = b64encode(value).decode()
    else:
        _other(value, BuiltInType.ByteString)


def _xml_element(writer: XmlWriter, element: Element, value: Value) -> None:
    if value is None:
        element.set(NIL, "true")
    elif isinstance(value, str):
        writer.fragment(element, value)
    else:
        _other(value, BuiltInType.XmlElement)


def _node(writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, NodeName):
        _other(value, BuiltInType.NodeId)
    set_text(_part(element, "Identifier"), writer.node_text(value))


def _expanded_node(writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, ExpandedNodeName):
        _other(value, BuiltInType.ExpandedNodeId)
    # The namespace of another server's node goes by its URI: the file's table is not that server's.
    text = f"svr={value.server};{value.node}" if value.server else writer.node_text(value.node)
    set_text(_part(element, "Identifier"), text)


def _status_code(_writer: XmlWriter, element: Element, value: Value) -> None:
    least, most = RANGES[BuiltInType.UInt32]
    if not isinstance(value, int) or not least <= value <= most:
        _other(value, BuiltInType.StatusCode)
    _part(element, "Code").text = str(int(value))


def _qualified_name(writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, QualifiedName):
        _other(value, BuiltInType.QualifiedName)
    _part(element, "NamespaceIndex").text = str(writer.index(value.namespace))
    if value.name is not None:
        set_text(_part(element, "Name"), value.name)


def _localized_text(_writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, LocalizedText):
        _other(value, BuiltInType.LocalizedText)
    for name, text in (("Locale", value.locale), ("Text", value.text)):
        if text is not None:
            set_text(_part(element, name), text)


def _data_value(writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, DataValue):
        _other(value, BuiltInType.DataValue)
    writer.enter()
    parts = (
        ("Value", value.value, BuiltInType.Variant),
        ("StatusCode", value.status, BuiltInType.StatusCode),
        ("SourceTimestamp", value.source_time, BuiltInType.DateTime),
        ("SourcePicoseconds", value.source_picoseconds, BuiltInType.UInt16),
        ("ServerTimestamp", value.server_time, BuiltInType.DateTime),
        ("ServerPicoseconds", value.server_picoseconds, BuiltInType.UInt16),
    )
    _parts(writer, element, parts)


def _diagnostic_info(writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, DiagnosticInfo):
        _other(value, BuiltInType.DiagnosticInfo)
    writer.enter()
    parts = (
        ("SymbolicId", value.symbolic_id, BuiltInType.Int32),
        ("NamespaceUri", value.namespace_uri, BuiltInType.Int32),
        ("Locale", value.locale, BuiltInType.Int32),
        ("LocalizedText", value.localized_text, BuiltInType.Int32),
        ("AdditionalInfo", value.additional_info, BuiltInType.String),
        ("InnerStatusCode", value.inner_status, BuiltInType.StatusCode),
        ("InnerDiagnosticInfo", value.inner, BuiltInType.DiagnosticInfo),
    )
    _parts(writer, element, parts)


def _parts(writer: XmlWriter, element: Element, parts: tuple[tuple[str, Value, BuiltInType], ...]) -> None:
    for name, value, built_in in parts:
        if value is not None:
            WRITERS[built_in](writer, _part(element, name), value)
    writer.depth -= 1


def _variant(writer: XmlWriter, element: Element, value: Value) -> None:
    if not isinstance(value, Variant):
        _other(value, BuiltInType.Variant)
    if value.type is BuiltInType.Null:
        return
    writer.enter()
    writer.variant_content(writer, _part(element, "Value"), value)
    writer.depth -= 1


def _extension_object(writer: XmlWriter, element: Element, value: Value) -> None:
    writer.extension_object(writer, element, value)


WRITERS: dict[BuiltInType, ElementWriter] = {
    BuiltInType.Boolean: _boolean,
    **{one: _whole(one) for one in RANGES},
    BuiltInType.Float: _float,
    BuiltInType.Double: _float,
    BuiltInType.String: _string,
    BuiltInType.DateTime: _date_time,
    BuiltInType.Guid: _guid,
    BuiltInType.ByteString: _byte_string,
    BuiltInType.XmlElement: _xml_element,
    BuiltInType.NodeId: _node,
    BuiltInType.ExpandedNodeId: _expanded_node,
    BuiltInType.StatusCode: _status_code,
    BuiltInType.QualifiedName: _qualified_name,
    BuiltInType.LocalizedText: _localized_text,
    BuiltInType.ExtensionObject: _extension_object,
    BuiltInType.DataValue: _data_value,
    BuiltInType.Variant: _variant,
    BuiltInType.DiagnosticInfo: _diagnostic_info,
}
"""How a scalar of each built-in type is written into its element."""
