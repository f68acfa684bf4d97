"""asyncua's NodeSet parser, made to survive what single published files contain."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from asyncua.common.xmlparser import XMLParser

from nodesets.outline import NodeClass

# The attributes that the importer takes from asyncua's parser; all others are written from our own outline.
_TAKEN = frozenset(
    {"NodeId", "BrowseName", "ParentNodeId", "DataType", "IsAbstract", "Symmetric", "EventNotifier", "SymbolicName"}
)
_NODE_TAGS = frozenset(NodeClass)
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class TolerantParser(XMLParser):
    """Reads each node by itself, so that a value that cannot be read costs that value and not the file.

    ``unread`` has, by the NodeId's text in the file, the values that could not be read and why.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        super().__init__()
        self.unread: dict[str, str] = {}

    def get_node_datas(self) -> list[Any]:
        """Parse the nodes; asyncua takes every element that it does not know, such as ServerUris, for one."""
        children = ((child.tag.rpartition("}")[2], child) for child in (() if self.root is None else self.root))
        return [self._parse_node(tag, child) for tag, child in children if tag in _NODE_TAGS]

    def _set_attr(self, key: str, val: str, obj: Any) -> None:
        if key in _TAKEN:
            super()._set_attr(key, val.strip(), obj)

    def _parse_node(self, nodetype: str, child: Element) -> Any:
        # asyncua takes the last of several DisplayNames, the first of which is the default locale's (Part 6 F.6), and
        # where there is none the BrowseName with its namespace index.
        node: Any = super()._parse_node(nodetype, child)
        index, colon, name = str(node.browsename).partition(":")
        plain = name if colon and index.isdigit() else str(node.browsename)
        node.displayname = _first(child, "DisplayName") or plain
        node.desc = _first(child, "Description") or ""
        node.inversename = _first(child, "InverseName") or ""
        return node

    def _parse_attr(self, el: Element, obj: Any) -> None:
        if not el.tag.endswith("}Value") or not hasattr(obj, "nodeid"):
            super()._parse_attr(el, obj)
            return
        try:
            super()._parse_attr(el, obj)
        except Exception as error:  # noqa: BLE001 - whatever a value's text makes asyncua raise
            obj.value = obj.valuetype = None
            self.unread[obj.nodeid] = f"{type(error).__name__}: {error}"

    def _parse_value(self, val_el: Element | None, obj: Any) -> None:
        # asyncua takes an element without text for a null: an empty string, and every structure written without spaces.
        if val_el is not None and val_el.text is None and val_el.attrib.get(_NIL, "false").strip() not in {"true", "1"}:
            val_el.text = ""
        super()._parse_value(val_el, obj)

    def _parse_refs(self, el: Element, obj: Any) -> None:
        for reference in el:
            reference.text = (reference.text or "").strip()
            if reference.attrib.get("IsForward", "").strip().lower() in {"false", "0"}:
                reference.attrib["IsForward"] = "false"
        super()._parse_refs(el, obj)


def _first(node: Element, tag: str) -> str | None:
    return next((child.text for child in node if child.tag.endswith("}" + tag)), None)
