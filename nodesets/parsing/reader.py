"""Reads the nodes of a NodeSet2 file (Part 6 v1.05 Annex F, UANodeSet.xsd 1.02 to 1.05) in one pass.

Everything that the schema knows is kept. What it does not know is told as a remark, what cannot be read as a problem,
and the reading goes on: one run tells all. Values stay XML until the DataTypes of all files are known.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from lxml import etree

from core.errors import Finding, InputError, Place
from nodesets.header import Header
from nodesets.limits import BoundedFile, LimitError, Limits, Spent
from nodesets.nodes import VariableNode, VariableTypeNode
from nodesets.nodeset import NodeSet
from nodesets.parsing.attributes import OF_NODE
from nodesets.parsing.elements import PREFIX, Element, canonical, local_name
from nodesets.parsing.node_reading import NodeReader
from nodesets.parsing.places import Spot, locate
from nodesets.parsing.telling import Teller
from nodesets.parsing.texts import Texts
from nodesets.xml_reading import Passer, open_nodeset, read

_TABLES = frozenset({"NamespaceUris", "ServerUris", "Models", "Aliases", "Extensions"})
_OF_HEADER = frozenset({"NamespaceUris", "Models"})
_TOP = tuple(PREFIX + tag for tag in (*OF_NODE, *_TABLES))


@dataclass(slots=True)
class PendingValue:
    """A value that waits for the DataTypes: its node, the ``Value`` element, and the node's element."""

    node: VariableNode | VariableTypeNode
    element: Element
    top: Element


@dataclass(slots=True)
class Reading:
    """A file that was read, and its values that are XML still. ``texts`` reads NodeIds within them."""

    nodeset: NodeSet
    texts: Texts
    values: list[PendingValue] = field(default_factory=list[PendingValue])


def read_nodeset(header: Header, spent: Spent | None = None) -> Reading:
    """Read the nodes of ``header.file``. Raises nothing for what is wrong with the file: that is in the NodeSet.

    ``spent``: what other files of the model have taken of the limits; this file's share is added.
    """
    return _Reader(header, spent or Spent(Limits())).run()


class _DoctypeError(Exception):
    """The file declares a document type."""


class _Reader:
    """One reading of one file."""

    def __init__(self, header: Header, spent: Spent) -> None:
        self._spent = spent
        self._bound = spent.bytes_left()
        self._nodeset = NodeSet(header)
        self._texts = Texts(header.namespaces)
        self._reading = Reading(self._nodeset, self._texts)
        self._tell = Teller(self._nodeset, self._texts, spent.limits.findings)
        self._nodes = NodeReader(self._texts, self._tell)
        self._kept: Element | None = None
        """The last of the root's elements that holds a value and is still there."""
        self._in_nodes = False

    def run(self) -> Reading:
        nodeset = self._nodeset
        try:
            with open_nodeset(nodeset.file) as file:
                bounded = BoundedFile(file, *self._bound)
                try:
                    self._read(bounded.as_binary())
                finally:
                    self._spent.took_bytes(bounded.count)
        except LimitError as error:
            nodeset.breaks = self._limit(error)
        except (etree.XMLSyntaxError, _DoctypeError) as error:
            nodeset.breaks = self._breaks(error)
        except (OSError, EOFError, zlib.error) as error:
            problem = f"cannot be read: {getattr(error, 'strerror', None) or error}"
            nodeset.breaks = (Finding(Place.of(nodeset.file), problem, "name a readable NodeSet2 file"),)
        nodeset.complete = not nodeset.breaks
        return self._reading

    def _breaks(self, error: Exception) -> tuple[Finding, ...]:
        """Ask expat for the place: its columns are right. Where it finds nothing, a limit of libxml2 was met."""
        try:
            read(self._nodeset.file, Passer(), self._bound)
        except InputError as told:
            return told.findings
        line, column = error.position if isinstance(error, etree.XMLSyntaxError) else (0, 0)
        place = Place.of(self._nodeset.file, line or 0, column or 0)
        reason = " ".join(str(error).partition(", line ")[0].split())
        return (Finding(place, f"beyond what is read of an XML file: {reason}", "make texts shorter, or less nested"),)

    def _limit(self, error: LimitError) -> tuple[Finding, ...]:
        if error is self._bound[1]:
            return self._breaks(error)
        spot = Spot(max(self._tell.position, 0))
        return (Finding(locate(self._nodeset.file, [spot])[spot], error.problem, error.mend),)

    def _read(self, file: BinaryIO) -> None:
        events = etree.iterparse(
            file,
            events=("end",),
            tag=_TOP,
            remove_comments=True,
            remove_pis=True,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
        )
        root: Element | None = None
        for _, element in events:
            if root is None:
                root = self._begin(element)
            if element.getparent() is not root:
                continue  # a node's own Extensions, and whatever a value calls like a node
            # What the schema does not know raises no event: it still stands in front.
            self._unknown(root, element)
            self._tell.enter(element)
            self._element(element)
            self._tell.leave()
            if self._reading.values and self._reading.values[-1].top is element:
                # It stays where its namespaces are declared: lxml would rename prefixes, in time by the square.
                self._kept = element
            else:
                element.clear()
                root.remove(element)
        if root is not None:
            self._unknown(root, None)

    def _begin(self, element: Element) -> Element:
        tree = element.getroottree()
        if tree.docinfo.internalDTD is not None:
            raise _DoctypeError
        root = tree.getroot()
        self._nodeset.last_modified = root.get("LastModified")
        return root

    def _unknown(self, root: Element, until: Element | None) -> None:
        """Tell of what stands in front of ``until`` and raised no event; None for all that is left."""
        while (one := self._next(root)) is not None and one is not until:
            self._tell.unknown_top(local_name(one))
            one.clear()
            root.remove(one)

    def _next(self, root: Element) -> Element | None:
        if self._kept is not None:
            return self._kept.getnext()
        return root[0] if len(root) else None

    def _element(self, element: Element) -> None:
        tag = local_name(element)
        if tag in OF_NODE:
            self._node(element, tag)
        elif tag in _OF_HEADER and self._in_nodes:
            mend = f"put {tag} in front of all nodes, where UANodeSet.xsd has it"
            self._tell.problem(element, f"{tag} stands behind a node and was not read", mend)
        elif tag == "Aliases":
            for child in element:
                if local_name(child) == "Alias":
                    self._alias(child)
                else:
                    self._tell.unknown_element(child, tag)
        elif tag == "Extensions":
            self._nodeset.extensions += tuple(canonical(one) for one in element)
        elif tag == "ServerUris":
            self._nodeset.server_uris = tuple(one.text or "" for one in element)

    def _alias(self, element: Element) -> None:
        name, text = element.get("Alias", "").strip(), element.text or ""
        if not name:
            self._tell.problem(element, "Alias has no name", 'write it as <Alias Alias="HasComponent">i=47</Alias>')
            return
        self._nodeset.aliases[name] = text.strip()
        self._tell.attempt(element, f"Alias {name!r}", lambda: self._texts.define(name, text))

    def _node(self, element: Element, tag: str) -> None:
        self._in_nodes = True
        node, value = self._nodes.read(element, tag)
        if node is None:
            return
        self._spent.take(len(node.references))
        self._nodeset.nodes.append(node)
        if value is None:
            return
        if len(value):
            known = cast("VariableNode | VariableTypeNode", node)
            self._reading.values.append(PendingValue(known, value, element))
        elif value.text and value.text.strip():
            mend = "write it as an element of its type: <Int32>1</Int32>"
            self._tell.problem(value, "Value holds text and no element", mend)
