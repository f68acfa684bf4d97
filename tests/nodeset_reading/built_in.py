"""Elements of built-in types that need no type dictionary (Part 6 v1.05 5.3.1)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

from tests.nodeset_reading import lexical
from tests.nodeset_reading.identifiers import NULL_NODE_ID, UA_URI, Names
from tests.nodeset_reading.records import Tree
from tests.nodeset_reading.xml_text import canonical_xml, child, is_nil, local_name, text_of

Tell = Callable[[str, str], None]

# Part 6 5.3.5: the DefaultValue of a missing element; null where the type has a null (Part 6 Table 1).
DEFAULTS: dict[str, Tree] = {
    "Boolean": False,
    **dict.fromkeys(lexical.INTEGER_RANGES, 0),
    "Float": 0.0,
    "Double": 0.0,
    "String": None,
    "DateTime": lexical.EARLIEST,
    "Guid": "00000000-0000-0000-0000-000000000000",
    "ByteString": None,
    "XmlElement": None,
    "NodeId": NULL_NODE_ID,
    "ExpandedNodeId": NULL_NODE_ID,
    "StatusCode": 0,
    "QualifiedName": (UA_URI, None),
    "LocalizedText": (None, None),
    "ExtensionObject": None,
    "DataValue": None,
    "Variant": None,
    "DiagnosticInfo": None,
}

_DIAGNOSTIC_INFO = ("SymbolicId", "NamespaceUri", "Locale", "LocalizedText")


def read_built_in(element: ET.Element, built_in: str, names: Names, tell: Tell) -> Tree:
    """Value of one element. Raises ValueError; xsi:nil gives the type's default."""
    if is_nil(element):
        return DEFAULTS[built_in]
    text = text_of(element)
    if built_in in lexical.INTEGER_RANGES:
        _no_children(element)
        return lexical.integer(text, built_in)
    readers: dict[str, Callable[[], Tree]] = {
        "Boolean": lambda: lexical.boolean(text),
        "Float": lambda: lexical.single(text),
        "Double": lambda: lexical.double(text),
        "String": lambda: text,
        "DateTime": lambda: _date_time(text, tell),
        "Guid": lambda: _inner(element, "String", tell, lexical.guid, DEFAULTS["Guid"]),
        "ByteString": lambda: lexical.byte_string(text),
        "XmlElement": lambda: _xml_element(element),
        "NodeId": lambda: _inner(element, "Identifier", tell, names.node_id, NULL_NODE_ID),
        "ExpandedNodeId": lambda: _inner(element, "Identifier", tell, names.expanded_node_id, NULL_NODE_ID),
        "StatusCode": lambda: _inner(element, "Code", tell, _status_code, 0),
        "QualifiedName": lambda: _qualified_name(element, names, tell),
        "LocalizedText": lambda: _localized_text(element, tell),
        "DiagnosticInfo": lambda: _diagnostic_info(element, names, tell),
    }
    if built_in in {"Boolean", "Float", "Double", "String", "DateTime", "ByteString"}:
        _no_children(element)
    return readers[built_in]()


def _no_children(element: ET.Element) -> None:
    if len(element):
        msg = f"{local_name(element)} is simple, yet has <{local_name(element[0])}> in it"
        raise ValueError(msg)


def _only(element: ET.Element, allowed: set[str], tell: Tell) -> None:
    for each in element:
        if local_name(each) not in allowed:
            tell("unknown-element", f"{local_name(each)} in {local_name(element)}")
    if text_of(element).strip():
        tell("stray-text", f"{text_of(element).strip()!r} in {local_name(element)}")


def _inner(element: ET.Element, name: str, tell: Tell, read: Callable[[str], Tree], default: Tree) -> Tree:
    _only(element, {name}, tell)
    inner = child(element, name)
    return default if inner is None or is_nil(inner) or not text_of(inner).strip() else read(text_of(inner))


def _status_code(text: str) -> Tree:
    return lexical.integer(text, "UInt32")


def _date_time(text: str, tell: Tell) -> Tree:
    ticks = lexical.date_time(text)
    if not lexical.has_zone(text):
        tell("date-without-zone", text)
    return ticks


def _xml_element(element: ET.Element) -> Tree:
    return canonical_xml(element[0]) if len(element) else None


def _text_or_none(element: ET.Element, name: str) -> str | None:
    inner = child(element, name)
    return None if inner is None or is_nil(inner) else text_of(inner)


def _qualified_name(element: ET.Element, names: Names, tell: Tell) -> Tree:
    _only(element, {"NamespaceIndex", "Name"}, tell)
    index = lexical.integer(_text_or_none(element, "NamespaceIndex") or "0", "UInt16")
    return (names.namespace(index), _text_or_none(element, "Name"))


def _localized_text(element: ET.Element, tell: Tell) -> Tree:
    _only(element, {"Locale", "Text"}, tell)
    return (_text_or_none(element, "Locale"), _text_or_none(element, "Text"))


def _diagnostic_info(element: ET.Element, names: Names, tell: Tell) -> Tree:
    _only(element, {*_DIAGNOSTIC_INFO, "AdditionalInfo", "InnerStatusCode", "InnerDiagnosticInfo"}, tell)
    info: dict[str, Tree] = {
        name: lexical.integer(text) for name in _DIAGNOSTIC_INFO if (text := _text_or_none(element, name)) is not None
    }
    if (additional := _text_or_none(element, "AdditionalInfo")) is not None:
        info["AdditionalInfo"] = additional
    if (status := child(element, "InnerStatusCode")) is not None:
        info["InnerStatusCode"] = read_built_in(status, "StatusCode", names, tell)
    if (inner := child(element, "InnerDiagnosticInfo")) is not None:
        info["InnerDiagnosticInfo"] = read_built_in(inner, "DiagnosticInfo", names, tell)
    return info
