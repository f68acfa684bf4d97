"""Bring one NodeSet's nodes into asyncua's address space, by asyncua's importer where that is right.

asyncua 2.1.0 reads values and DataType definitions well. What it loses, seen on published companion files, is done
here instead: references and attributes are written from our outline (asyncua derives a parent's reference type from
whichever inverse reference comes last, drops Historizing, takes an absent AccessLevel for 0 and an absent DataType for
null, and refuses nodes without a parent, properties of one name in two namespaces, and views), and what one node's
value or structure makes it raise costs that value, with a warning, and not the node or the file.
"""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false, reportIncompatibleMethodOverride=false
from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from asyncua import Server, ua
from asyncua.common.xmlimporter import XmlImporter

from core.errors import Findings
from nodesets.import_parsing import TolerantParser
from nodesets.names import NodeName
from nodesets.outline import NodeClass, Outline
from nodesets.outline_writing import OutlineWriter
from nodesets.standard import HAS_ENCODING, HAS_SUBTYPE
from nodesets.ua_names import node_id

_ORDER = tuple(NodeClass)[::-1]  # types first: reference types, data types, variable and object types
_REGISTERS: tuple[dict[ua.NodeId, Any], ...] = (
    ua.extension_objects_by_datatype,
    ua.extension_objects_by_typeid,
    ua.enums_by_datatype,
    ua.basetype_by_datatype,
)
_SIMPLE = frozenset(ua.VariantType.__members__) - {"ExtensionObject"}
_INDEXED_VALUES = frozenset({"NodeId", "ExpandedNodeId", "QualifiedName"})


class NodeSetImporter(XmlImporter):
    """Imports the file of one outline. What is lost is told in ``warnings``, each with its node's place."""

    def __init__(self, server: Server, outline: Outline, namespaces: Sequence[str]) -> None:
        """Prepare for a server whose NamespaceArray, with the outline's namespaces in it, is ``namespaces``."""
        super().__init__(server, strict_mode=False)
        self.warnings = Findings()
        self._outline = outline
        self._array = namespaces
        self._aspace = server.iserver.aspace
        self._service = server.iserver.node_mgt_service
        self._nodes = {self._id(node.name): node for node in outline.nodes}
        self._writer = OutlineWriter(server, self._nodes, namespaces, self.warnings)
        self._supertypes = dict(_supertypes(outline))
        self._datas: dict[ua.NodeId, Any] = {}
        self.namespaces = {index: namespaces.index(uri) for index, uri in enumerate(outline.namespaces)}

    async def import_nodes(self) -> None:
        """Add the nodes, then their attributes and references. Raises what asyncua raises on a file it cannot read."""
        parser = TolerantParser()
        await parser.parse(str(self._outline.file))
        self.parser = parser
        self._unmigrated_aliases = parser.get_aliases()
        self.aliases = self._map_aliases(self._unmigrated_aliases)
        datas: list[Any] = parser.get_node_datas()
        names = [data.nodeid for data in datas]
        self.make_objects(datas)
        for text, data in zip(names, datas, strict=True):
            if text in parser.unread:
                self._warn(data.nodeid, f"its value cannot be read and is left empty: {parser.unread[text]}")
        self._datas = {data.nodeid: data for data in datas}
        self._forget_classes()
        for data in self._sorted():
            await self._add(data)
        self._writer.write_attributes()
        self._writer.write_references()

    def _id(self, name: NodeName) -> ua.NodeId:
        return node_id(name, self._array)

    def _warn(self, node: ua.NodeId, problem: str) -> None:
        known = self._nodes[node]
        self.warnings.add(known.place, f"{known.name} ({known.browse_name[1]!r}): {problem}")

    def _sorted(self) -> Iterator[Any]:
        """Types before instances, and a DataType after those that it is made of."""
        ready: set[ua.NodeId] = set()

        def follow(data: Any) -> Iterator[Any]:
            if data.nodeid in ready:
                return
            ready.add(data.nodeid)
            for needed in (data.parent, *(field.datatype for field in data.definitions)):
                other = self._datas.get(needed)
                if other is not None and other.nodetype == NodeClass.DATA_TYPE:
                    yield from follow(other)
            yield data

        for node_class in _ORDER:
            for data in self._datas.values():
                if data.nodetype == node_class:
                    if node_class == NodeClass.DATA_TYPE:
                        self._set_supertype(data)
                        yield from follow(data)
                    else:
                        yield data

    def _set_supertype(self, data: Any) -> None:
        supertype = self._supertypes.get(self._nodes[data.nodeid].name)
        data.parent = None if supertype is None else self._id(supertype)
        data.parentlink = ua.NodeId(ua.ObjectIds.HasSubtype)

    async def _add(self, data: Any) -> None:
        # Structures are made known as their DataTypes are added; looking for more while reading values finds none.
        names = (str(data.displayname), data.browsename.Name)
        self.auto_load_definitions = data.nodetype == NodeClass.DATA_TYPE and all(map(str.isidentifier, names))
        try:
            if data.nodetype == NodeClass.VIEW:
                await self._add_view(data)
            else:
                await self._add_node_data(data, no_namespace_migration=True)
        except Exception as error:  # noqa: BLE001 - whatever one node's text makes asyncua raise
            what = "its definition cannot be used" if data.nodeid in self._aspace else "cannot be added"
            self._warn(data.nodeid, f"{what}: {type(error).__name__}: {error}")

    async def _add_view(self, data: Any) -> None:
        item = self._get_add_node_item(data, no_namespace_migration=True)
        item.NodeAttributes = ua.ViewAttributes(
            DisplayName=ua.LocalizedText(data.displayname),
            Description=ua.LocalizedText(data.desc),
            EventNotifier=data.eventnotifier,
            ContainsNoLoops=True,
        )
        for result in await self.add_nodes([item]):
            result.StatusCode.check()

    # What asyncua's add_object, add_variable … call in place of a session's services.

    def _get_server(self) -> NodeSetImporter:
        return self

    async def add_nodes(self, items: Sequence[ua.AddNodesItem]) -> list[ua.AddNodesResult]:
        """Add nodes alone: parents and type definitions are references, which follow from the outline."""
        results: list[ua.AddNodesResult] = []
        for item in items:
            alone = dataclasses.replace(item, ParentNodeId=ua.NodeId(), TypeDefinition=ua.NodeId())
            refused = list(self._service.try_add_nodes([alone], check=False))
            code = ua.StatusCodes.BadNodeIdExists if refused else ua.StatusCodes.Good
            results.append(ua.AddNodesResult(ua.StatusCode(ua.UInt32(code)), item.RequestedNewNodeId))
        return results

    async def _add_refs(self, obj: Any) -> None:
        # A DataType's supertypes say whether it is a structure, so this one reference cannot wait.
        if obj.nodetype == NodeClass.DATA_TYPE and obj.parent is not None:
            self._writer.refer(obj.nodeid, ua.NodeId(ua.ObjectIds.HasSubtype), obj.parent, forward=False, both=True)

    # What asyncua reads right but for one thing.

    def _forget_classes(self) -> None:
        """Forget classes that another model left under these NodeIds: asyncua keeps them a process, not a server."""
        for key in self._nodes:
            for register in _REGISTERS:
                register.pop(key, None)

    def _get_ext_class(self, name: str) -> Any:
        """Find a structure's class; this file's own goes before one of the same name in another model."""
        for key, node in self._nodes.items():
            if node.node_class == NodeClass.DATA_TYPE and node.browse_name[1] == name:
                own = ua.extension_objects_by_datatype.get(key)
                if own is not None:
                    return own
        return super()._get_ext_class(name)

    async def add_datatype(self, obj: Any, no_namespace_migration: bool = False) -> ua.NodeId:  # noqa: FBT001, FBT002 - overrides asyncua's
        """Add a DataType; an option set of an unsigned integer (Part 3 v1.05 8.40) keeps its definition."""
        added: ua.NodeId = await super().add_datatype(obj, no_namespace_migration)
        attribute = self._aspace.read_attribute_value(added, ua.AttributeIds.DataTypeDefinition)
        if obj.definitions and (attribute.Value is None or attribute.Value.Value is None):
            self._writer.set(
                added, ua.AttributeIds.DataTypeDefinition, self._get_edef(obj), ua.VariantType.ExtensionObject
            )
        if obj.parent is not None and not any(added in register for register in _REGISTERS):
            standard = obj.parent.NamespaceIndex == 0
            base = ua.ObjectIdNames.get(obj.parent.Identifier) if standard else ua.basetype_by_datatype.get(obj.parent)
            if base in _SIMPLE:
                ua.basetype_by_datatype[added] = base
        return added

    def _get_sdef(self, obj: Any) -> Any:
        """Name the binary encoding, and begin with the supertype's fields (Part 3 v1.05 8.48)."""
        definition = super()._get_sdef(obj)
        for target in self._nodes[obj.nodeid].targets(HAS_ENCODING):
            encoding = self._nodes.get(self._id(target))
            if encoding is not None and encoding.browse_name[1] == "Default Binary":
                definition.DefaultEncodingId = self._id(target)
        inherited = self._aspace.read_attribute_value(obj.parent, ua.AttributeIds.DataTypeDefinition).Value
        if inherited is not None and isinstance(inherited.Value, ua.StructureDefinition):
            own = {field.Name for field in definition.Fields}
            definition.Fields[:0] = [field for field in inherited.Value.Fields if field.Name not in own]
        return definition

    async def _add_variable_value(self, obj: Any) -> ua.Variant:
        """Make a value; NodeIds and QualifiedNames in it get the server's namespace indexes."""
        kind = obj.valuetype.removeprefix("ListOf")
        try:
            if kind in _INDEXED_VALUES:
                value = list(map(self._migrated, obj.value)) if obj.valuetype != kind else self._migrated(obj.value)
                return ua.Variant(value, ua.VariantType[kind], is_array=isinstance(value, list))
            variant: ua.Variant = await super()._add_variable_value(obj)
        except Exception as error:  # noqa: BLE001 - whatever a value's text makes asyncua raise
            self._warn(obj.nodeid, f"its value cannot be read and is left empty: {type(error).__name__}: {error}")
            return ua.Variant()
        return variant

    def _migrated(self, value: ua.NodeId | ua.QualifiedName | str | None) -> Any:
        node = ua.NodeId.from_string(value) if isinstance(value, str) else value
        return node if node is None else self._migrate_ns(node)


def _supertypes(outline: Outline) -> Iterator[tuple[NodeName, NodeName]]:
    for node in outline.nodes:
        for supertype in node.targets(HAS_SUBTYPE, forward=False):
            yield node.name, supertype
        for subtype in node.targets(HAS_SUBTYPE):
            yield subtype, node.name
