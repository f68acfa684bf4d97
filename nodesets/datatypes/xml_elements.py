"""What XML values need of lxml, and the names in them (Part 6 v1.05 5.3)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nodesets.built_in_types import BuiltInType
from nodesets.names import STANDARD_NAMESPACE, NodeName

etree: Any = importlib.import_module("lxml.etree")  # lxml has no types; imported so that no checker looks for them
Element: TypeAlias = Any  # an lxml element

TYPES_NAMESPACE = "http://opcfoundation.org/UA/2008/02/Types.xsd"
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
NIL = f"{{{_SCHEMA_INSTANCE}}}nil"

BUILT_IN_NAMES: Mapping[str, BuiltInType] = {one.name: one for one in BuiltInType if one is not BuiltInType.Null}


@dataclass(slots=True)
class FileContext:
    """What the values of one file mean: ``namespaces[index]`` is a URI, the standard one first; ``aliases`` by name."""

    namespaces: tuple[str, ...] = (STANDARD_NAMESPACE,)
    aliases: Mapping[str, NodeName] = field(default_factory=dict[str, NodeName])
    known: dict[str, NodeName] = field(default_factory=dict[str, NodeName])
    """NodeIds by their texts, once read."""


def local_name(element: Element) -> str:
    """Give an element's name without its namespace: published files use several, and none."""
    tag: str = element.tag
    return tag[tag.rfind("}") + 1 :]


def children(element: Element) -> list[Element]:
    """Give the child elements, without comments and processing instructions."""
    return [one for one in element if type(one.tag) is str]


def text_of(element: Element) -> str:
    """Give the text of an element; comments do not end it."""
    if not len(element):
        return element.text or ""
    return (element.text or "") + "".join(one.tail or "" for one in element if type(one.tag) is not str)


def is_nil(element: Element) -> bool:
    """Tell whether xsi:nil says that there is no value."""
    return element.get(NIL, "").strip() in {"true", "1"}


# With more than this C14N takes time that grows with their square.
_MOST_ATTRIBUTES = 1000


def escape(text: str) -> str:
    """Write a text as it stands between elements."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def canonical(element: Element) -> str:
    """Give an element as exclusive canonical XML, without comments."""
    if any(len(one.attrib) > _MOST_ATTRIBUTES for one in element.iter()):
        return etree.tostring(element, encoding="unicode", with_tail=False)
    try:
        text: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False, with_tail=False)
    except etree.C14NError:
        # Canonical XML has no form for relative namespace URIs (C14N 1.0, 1.3). Nothing is lost without it.
        text = etree.tostring(element, encoding="utf-8", with_tail=False)
    return text.decode()


def types_namespace(uri: str) -> str:
    """Give the XML namespace of the types that an OPC UA namespace defines."""
    return TYPES_NAMESPACE if uri == STANDARD_NAMESPACE else f"{uri.rstrip('/')}/Types.xsd"
