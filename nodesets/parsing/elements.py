"""Elements of NodeSet2 files, and the small things that are read from one element alone."""

from __future__ import annotations

from typing import cast

from lxml import etree

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import MethodArgument, Translation
from nodesets.xml_reading import NODESET_XML_NAMESPACE

Element = etree._Element  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 - lxml's class has no public name
MOST_ATTRIBUTES = 1000
"""An element has some ten. With very many, looking at them all and C14N take time that grows with their square."""
PREFIX = f"{{{NODESET_XML_NAMESPACE}}}"


def local_name(element: Element) -> str:
    """Give the tag without its namespace; of another namespace whole, so that it is no known one."""
    return cast("str", element.tag).removeprefix(PREFIX)


def localized(element: Element) -> LocalizedText:
    """Read a LocalizedText (F.6)."""
    return LocalizedText(element.get("Locale") or None, element.text or "")


def translation(element: Element) -> Translation:
    """Read a Translation (F.13)."""
    texts = tuple(localized(child) for child in element if local_name(child) == "Text")
    fields = tuple(
        (child.get("Name", ""), tuple(localized(text) for text in child))
        for child in element
        if local_name(child) == "Field"
    )
    return Translation(texts, fields)


def argument(element: Element) -> MethodArgument:
    """Read an ArgumentDescription (F.14)."""
    name = next((child.text or "" for child in element if local_name(child) == "Name"), "")
    return MethodArgument(name, tuple(localized(child) for child in element if local_name(child) == "Description"))


def canonical(element: Element) -> str:
    """Write an element as canonical XML, so that equal ones are equal texts."""
    text = etree.tostring(element, encoding="unicode", with_tail=False)
    if any(len(one.attrib) > MOST_ATTRIBUTES for one in element.iter()):
        return text
    # In its file, libxml2 forgets for what is further within that a default namespace is declared outside.
    alone = etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    try:
        return etree.tostring(alone, method="c14n").decode()  # type: ignore[arg-type]  # the stubs know no C14N
    except etree.C14NError:
        # Canonical XML has no form for relative namespace URIs (C14N 1.0, 1.3). Nothing is lost without it.
        return text
