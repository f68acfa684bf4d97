"""Writes a NodeSet2 file (UANodeSet.xsd of Part 6 v1.05 Annex F), a node at a time.

The same nodes give the same bytes, in whatever order they are given: types first, and nodes of one class by NodeId.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import quoteattr

from lxml import etree

from nodesets.exporting.export import Export
from nodesets.exporting.naming import aliases_used, table_of_namespaces
from nodesets.exporting.node_elements import NodeElements
from nodesets.exporting.tables import tables
from nodesets.exporting.texts import TextWriter
from nodesets.nodes import Node, NodeClass
from nodesets.parsing.elements import Element
from nodesets.xml_reading import NODESET_XML_NAMESPACE

# Who reads in one pass knows the types of what follows.
_TYPES = (NodeClass.REFERENCE_TYPE, NodeClass.DATA_TYPE, NodeClass.VARIABLE_TYPE, NodeClass.OBJECT_TYPE)
_RANKS = {kind: rank for rank, kind in enumerate(_TYPES)}
_XMLNS = f' xmlns="{NODESET_XML_NAMESPACE}"'.encode()


def write_nodeset(export: Export, out: BinaryIO) -> None:
    """Write a file. Blocks: 0.1 ms a node. Holds the XML of one node at a time.

    Raises :class:`~nodesets.exporting.export.ExportError` for what XML cannot say, after a part has been written, and
    :class:`OSError`.
    """
    namespaces, aliases = table_of_namespaces(export), aliases_used(export)
    texts = TextWriter(namespaces, aliases)
    elements = NodeElements(texts, export.types, namespaces)
    modified = export.last_modified
    more = f" LastModified={quoteattr(modified)}".encode() if modified is not None else b""
    out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<UANodeSet' + _XMLNS + more + b">\n")
    out.writelines(_below_root(table) for table in tables(export, namespaces, aliases, texts))
    out.writelines(_below_root(elements.element(node)) for node in sorted(export.nodes, key=file_order))
    out.write(b"</UANodeSet>\n")


def nodeset_bytes(export: Export) -> bytes:
    """Give a file's content. Raises as :func:`write_nodeset`."""
    out = io.BytesIO()
    write_nodeset(export, out)
    return out.getvalue()


def save_nodeset(export: Export, file: Path) -> None:
    """Write a file, or leave what is there as it is. Raises as :func:`write_nodeset`."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with new.open("wb") as out:
            write_nodeset(export, out)
        new.replace(file)
    except OSError as error:
        error.filename, error.filename2 = str(file), None  # nobody has asked for the draft
        raise
    finally:
        new.unlink(missing_ok=True)


def file_order(node: Node) -> tuple[int, str, str, int, str]:
    """Give what nodes of a file are sorted by."""
    namespace, kind, identifier = node.name
    number = identifier if isinstance(identifier, int) else 0
    return _RANKS.get(node.node_class, len(_RANKS)), namespace, kind, number, str(identifier)


def _below_root(element: Element) -> bytes:
    """Give an element's line or lines. The root has declared its namespace already."""
    return b"  " + etree.tostring(element, encoding="utf-8", with_tail=False).replace(_XMLNS, b"", 1) + b"\n"
