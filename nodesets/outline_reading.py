"""Read a NodeSet2 file's nodes into an :class:`~nodesets.outline.Outline`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from core.errors import Finding, Findings, InputError, Place
from nodesets.header import Header
from nodesets.names import NodeName, NodeNameError
from nodesets.outline import Field, NodeClass, Outline, OutlineNode, Reference
from nodesets.standard import BASE_DATA_TYPE, standard_number
from nodesets.xml_reading import read

_NODE_TAGS = frozenset(NodeClass)
_TYPED = frozenset({NodeClass.VARIABLE, NodeClass.VARIABLE_TYPE})
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_T = TypeVar("_T")


def read_outline(header: Header) -> Outline:
    """Read the nodes of ``header.file``. What is wrong with single nodes, or with the XML, is in the findings."""
    handler = _OutlineHandler(header)
    problems: tuple[Finding, ...] = ()
    try:
        read(header.file, handler)
    except InputError as error:
        problems = error.findings
    findings = (*handler.findings.items, *problems)
    return Outline(header.file, header.namespaces, tuple(handler.nodes), findings, complete=not problems)


@dataclass(slots=True)
class _Pending:
    """The node whose element is open."""

    node_class: NodeClass
    attributes: Mapping[str, str]
    place: Place
    references: list[Reference] = field(default_factory=list[Reference])
    fields: list[Field] = field(default_factory=list[Field])
    has_value: bool = False


class _OutlineHandler:
    """Turns the elements of a file into outline nodes."""

    def __init__(self, header: Header) -> None:
        self.nodes: list[OutlineNode] = []
        self.findings = Findings()
        self._namespaces = header.namespaces
        self._aliases: dict[str, NodeName] = {}
        self._alias_names: set[str] = set()
        self._node: _Pending | None = None
        self._open: tuple[Mapping[str, str], Place] = ({}, Place.of(header.file))

    def start(self, path: tuple[str, ...], attributes: Mapping[str, str], place: Place) -> None:
        match path:
            case (tag,):
                self._node = _Pending(NodeClass(tag), attributes, place) if tag in _NODE_TAGS else None
            case (_, "Value") if self._node is not None:
                self._node.has_value = True
            case (_, "Definition", "Field") if self._node is not None:
                self._field(self._node, attributes, place)
            case ("Aliases", "Alias") | (_, "References", "Reference"):
                self._open = (attributes, place)
            case _:
                pass

    def end(self, path: tuple[str, ...], text: str) -> None:
        match path:
            case ("Aliases", "Alias"):
                self._alias(text)
            case (_, "References", "Reference") if self._node is not None:
                self._reference(self._node, text)
            case (_,) if self._node is not None:
                self._finish(self._node)
                self._node = None
            case _:
                pass

    def _alias(self, text: str) -> None:
        attributes, place = self._open
        alias = attributes.get("Alias", "")
        self._alias_names.add(alias)
        name = self._parse(text, place, f"Alias {alias!r}")
        if name is not None:
            self._aliases[alias] = name

    def _reference(self, node: _Pending, text: str) -> None:
        attributes, place = self._open
        reference_type = self._resolve(attributes.get("ReferenceType", ""), place, "ReferenceType")
        target = self._resolve(text, place, "Reference")
        forward = self._attribute(attributes, "IsForward", _truth, default=True, place=place)
        if reference_type is not None and target is not None:
            node.references.append(Reference(reference_type, target, forward, place))

    def _field(self, node: _Pending, attributes: Mapping[str, str], place: Place) -> None:
        self._attribute(attributes, "Value", int, default=0, place=place)
        self._attribute(attributes, "ValueRank", int, default=-1, place=place)
        text = attributes.get("DataType")
        data_type = BASE_DATA_TYPE if text is None else self._resolve(text, place, "DataType")
        if data_type is not None:
            node.fields.append(Field(attributes.get("Name", ""), data_type, place))

    def _finish(self, node: _Pending) -> None:
        attributes, place = node.attributes, node.place
        text = attributes.get("NodeId")
        if text is None:
            self.findings.add(place, f"{node.node_class} has no NodeId", "give it one")
            return
        name = self._parse(text, place, "NodeId")
        browse_name = self._browse_name(attributes, place)
        if name is None or browse_name is None:
            return
        parent = attributes.get("ParentNodeId")
        data_type = attributes.get("DataType")
        typed = node.node_class in _TYPED
        self._attribute(attributes, "EventNotifier", int, default=0, place=place)
        self.nodes.append(
            OutlineNode(
                name,
                node.node_class,
                browse_name,
                place,
                None if parent is None else self._resolve(parent, place, "ParentNodeId"),
                (BASE_DATA_TYPE if data_type is None else self._resolve(data_type, place, "DataType"))
                if typed
                else None,
                self._attribute(attributes, "ValueRank", int, default=-1, place=place),
                self._attribute(attributes, "ArrayDimensions", _dimensions, default=(), place=place),
                self._attribute(attributes, "AccessLevel", int, default=1, place=place),
                self._attribute(attributes, "MinimumSamplingInterval", float, default=0.0, place=place),
                self._attribute(attributes, "Historizing", _truth, default=False, place=place),
                self._attribute(attributes, "Executable", _truth, default=True, place=place),
                self._attribute(attributes, "IsAbstract", _truth, default=False, place=place),
                node.has_value,
                tuple(node.references),
                tuple(node.fields),
            )
        )

    def _browse_name(self, attributes: Mapping[str, str], place: Place) -> tuple[str, str] | None:
        text = attributes.get("BrowseName")
        if not text:
            self.findings.add(place, "the node has no BrowseName", 'give it one, such as BrowseName="1:Temperature"')
            return None
        index, colon, name = text.partition(":")
        if not (colon and index.isascii() and index.isdigit()):
            return self._namespaces[0], text
        if int(index[:8]) >= len(self._namespaces):
            problem = f"BrowseName {text!r}: the namespace index {index} is beyond NamespaceUris, "
            problem += f"which ends at {len(self._namespaces) - 1}"
            mend = "add the namespace's Uri to NamespaceUris, or correct the index"
            self.findings.add(place, problem, mend)
            return None
        return self._namespaces[int(index)], name

    def _resolve(self, text: str, place: Place, what: str) -> NodeName | None:
        """Read a NodeId or an alias. Names of standard nodes are taken as aliases even where the table lacks them."""
        if text in self._alias_names:
            return self._aliases.get(text)
        if "=" in text:
            return self._parse(text, place, what)
        number = standard_number(text)
        if number is not None:
            return NodeName.standard(number)
        near = get_close_matches(text, self._alias_names, 1)
        mend = f"did you mean {near[0]!r}?" if near else f'add <Alias Alias="{text}">i=…</Alias> to Aliases'
        problem = f"{what} names the alias {text!r}, which Aliases does not have" if text else f"{what} is empty"
        self.findings.add(place, problem, mend if text else "write a NodeId or an alias")
        return None

    def _parse(self, text: str, place: Place, what: str) -> NodeName | None:
        try:
            return NodeName.parse_indexed(text, self._namespaces)
        except NodeNameError as error:
            self.findings.add(place, f"{what} {text!r}: {error.problem}", error.mend)
            return None

    def _attribute(
        self, attributes: Mapping[str, str], key: str, convert: Callable[[str], _T], *, default: _T, place: Place
    ) -> _T:
        text = attributes.get(key)
        if text is None:
            return default
        try:
            return convert(text.strip())
        except (ValueError, KeyError):
            self.findings.add(place, f"{key} {text!r} is not valid", f"the default is {default!r}")
            return default


def _truth(text: str) -> bool:
    return _TRUTH[text.lower()]


def _dimensions(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",")) if text else ()
