"""Small looks at XML elements that every part of the reading needs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def local_name(element: ET.Element) -> str:
    """Element name without its namespace."""
    return element.tag.rpartition("}")[2]


def namespace(element: ET.Element) -> str:
    """Namespace of the element, '' for none."""
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def text_of(element: ET.Element) -> str:
    """Text directly in the element, '' when empty."""
    return element.text or ""


def is_nil(element: ET.Element) -> bool:
    """Whether xsi:nil says that there is no value."""
    return element.get(NIL, "").strip() in {"true", "1"}


def child(element: ET.Element, name: str) -> ET.Element | None:
    """First child of that local name."""
    return next((each for each in element if local_name(each) == name), None)


def children(element: ET.Element, name: str) -> list[ET.Element]:
    """Elements inside of the first child of that local name; none when there is no such child."""
    table = child(element, name)
    return [] if table is None else list(table)


def canonical_xml(element: ET.Element) -> str:
    """One text for all writings of the element that mean the same; what follows the element is left out.

    Every element that leaves its parent's namespace declares its own as the default, attributes stand in order,
    white space alone between elements is dropped. Prefixes inside of texts and values are not followed.
    """
    return _written(element, "")


def _written(element: ET.Element, outer: str) -> str:
    uri = namespace(element)
    parts = [local_name(element)]
    if uri != outer:
        parts.append(f"xmlns={quoteattr(uri)}")
    qualified = sorted({name[1:].partition("}")[0] for name in element.attrib if name.startswith("{")})
    parts += [f"xmlns:p{number}={quoteattr(each)}" for number, each in enumerate(qualified)]
    for name, value in sorted(element.attrib.items()):
        space, _, local = name[1:].partition("}") if name.startswith("{") else ("", "", name)
        prefix = f"p{qualified.index(space)}:" if space else ""
        parts.append(f"{prefix}{local}={quoteattr(value)}")
    inside = _significant(element.text, element)
    for each in element:
        inside += _written(each, uri) + _significant(each.tail, element)
    return f"<{' '.join(parts)}>{inside}</{local_name(element)}>"


def _significant(text: str | None, parent: ET.Element) -> str:
    if text is None or (len(parent) and not text.strip()):
        return ""
    return escape(text)
