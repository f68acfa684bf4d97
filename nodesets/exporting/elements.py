"""Elements that several things in a file are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from lxml import etree

from nodesets.built_in_types import LocalizedText
from nodesets.exporting.texts import TextWriter
from nodesets.nodes import RolePermission, Translation
from nodesets.parsing.elements import PREFIX, Element
from nodesets.xml_reading import NODESET_XML_NAMESPACE


def top(tag: str) -> Element:
    """Make an element that will stand below the root."""
    return etree.Element(PREFIX + tag, nsmap={None: NODESET_XML_NAMESPACE})


def part(parent: Element, tag: str) -> Element:
    """Make a child."""
    return etree.SubElement(parent, PREFIX + tag)


def localized(parent: Element, tag: str, texts: Iterable[LocalizedText]) -> None:
    """Write a text in each of its languages (F.6)."""
    for one in texts:
        element = part(parent, tag)
        if one.locale:
            element.set("Locale", one.locale)
        if one.text:
            element.text = one.text


def translation(parent: Element, written: Translation) -> None:
    """Write a Translation (F.13)."""
    element = part(parent, "Translation")
    localized(element, "Text", written.texts)
    for name, texts in written.fields:
        field = part(element, "Field")
        field.set("Name", name)
        localized(field, "Text", texts)


def role_permissions(parent: Element, permissions: Iterable[RolePermission], texts: TextWriter) -> None:
    """Write what roles may do (F.5, F.7)."""
    listed = part(parent, "RolePermissions")
    for one in permissions:
        permission = part(listed, "RolePermission")
        permission.set("Permissions", str(one.permissions))
        permission.text = texts.node(one.role)


def extensions(parent: Element, written: Collection[str]) -> Element | None:
    """Write Extensions, each given as the XML of its element; None where there are none."""
    if not written:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    listed = part(parent, "Extensions")
    listed.extend(etree.fromstring(text, parser) for text in written)
    return listed
