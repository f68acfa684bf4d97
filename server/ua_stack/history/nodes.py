"""What clients read of history in the address space (Part 11 v1.05 5.2.3, 5.4.2).

HistoryServerCapabilities says what can be done. Each variable with history refers to a configuration, which all of its
kind share: those whose values lie on lines (the standard's own ``HA Configuration``) and those whose values hold.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from asyncua import ua

from core.time import TICKS_PER_SECOND, now
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.contract import ANNOTATION_PREFIX, HistoryReader, StoreCapabilities
from nodesets.built_in_types import BuiltInType, LocalizedText
from nodesets.names import NodeNameError
from nodesets.nodes import NodeClass
from server.address_space.decoding import GivenValue
from server.address_space.encoding import boolean_variant, byte_variant, double_variant, uint32_variant, variant
from server.address_space.keys import NodeKey, key_of, nodeid_of, numeric_key
from server.address_space.node import (
    ACCESS_HISTORY_READ,
    ACCESS_HISTORY_WRITE,
    AccessAttributes,
    BrowseName,
    Link,
    ReadValue,
    SpaceNode,
    VariableAttributes,
)
from server.address_space.space import AddressSpace
from server.ua_stack.history.annotations import ANNOTATIONS, HAS_PROPERTY
from server.ua_stack.history.configurations import HAS_HISTORICAL_CONFIGURATION, Configurations
from server.ua_stack.history.limits import ANSWER_VALUES, OBJECT_VALUES
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError

_ids = ua.ObjectIds
_LINES: Final = numeric_key(0, _ids.HAConfiguration)
_HOLDS: Final[NodeKey] = (1, "HA Configuration of values that hold")
_SERVER_OBJECT: Final = numeric_key(0, _ids.Server)
_ORGANIZES: Final = numeric_key(0, _ids.Organizes)
_HAS_COMPONENT: Final = numeric_key(0, _ids.HasComponent)
_HAS_TYPE: Final = numeric_key(0, _ids.HasTypeDefinition)
_PROPERTY_TYPE: Final = numeric_key(0, _ids.PropertyType)
_FUNCTIONS: Final = "HistoryServerCapabilities_AggregateFunctions"
_EDITS: Final = ("InsertData", "ReplaceData", "UpdateData", "DeleteRaw", "DeleteAtTime", "InsertAnnotation")
_EVENT_EDITS: Final = ("InsertEvent", "ReplaceEvent", "UpdateEvent", "DeleteEvent")
_BOTH: Final = ACCESS_HISTORY_READ | ACCESS_HISTORY_WRITE
_ANNOTATION: Final = VariableAttributes(numeric_key(0, _ids.Annotation), -1, (), _BOTH, _BOTH)


class HistoryNodes:
    """Fills the standard's nodes and adds the others."""

    def __init__(self, space: AddressSpace) -> None:
        """Say nothing yet: the standard's values are as they were loaded."""
        self._space = space
        self._edits = False
        self._nodeids: NodeIds | None = None
        self._configurations = Configurations(space)
        self._changed: dict[VariableAttributes, VariableAttributes] = {}
        self._links: dict[bool, Link] = {}

    def show_nothing(self) -> None:
        """Say that there is no history at all; what is there is told later."""
        capabilities = ("AccessHistoryData", "AccessHistoryEvents", *_EDITS, *_EVENT_EDITS)
        for name in capabilities:
            self._capability(f"{name}Capability", told=False)
        self._say("HistoryServerCapabilities_ServerTimestampSupported", boolean_variant(value=False))
        self._say("HistoryServerCapabilities_MaxReturnDataValues", uint32_variant(ANSWER_VALUES))
        self._say("HistoryServerCapabilities_MaxReturnEventValues", uint32_variant(OBJECT_VALUES))

    def show_data(self, store: HistoryReader, nodeids: NodeIds, keeps: float | None) -> None:
        """Say what can be done with a store, and give every variable with history its configuration."""
        capabilities = getattr(store, "capabilities", StoreCapabilities(keeps_edits=False))
        self._edits, self._nodeids = capabilities.keeps_edits, nodeids
        self._capability("AccessHistoryDataCapability", told=True)
        self._say("HistoryServerCapabilities_ServerTimestampSupported", boolean_variant(value=True))
        for name in _EDITS:
            self._capability(f"{name}Capability", told=self._edits)
        functions = numeric_key(0, int(getattr(_ids, _FUNCTIONS)))
        if functions in self._space:
            for kind in AggregateKind:
                self._space.refer(functions, _ORGANIZES, numeric_key(0, kind))
        self._configure(keeps)
        found = [one for one in self._space.nodes.values() if one.variable is not None and one.variable.historizing]
        self._historize(found)

    def show_events(self) -> None:
        """Say that events have a history that can be changed; which notifiers have one, those tell themselves."""
        for name in ("AccessHistoryEvents", *_EVENT_EDITS):
            self._capability(f"{name}Capability", told=True)

    def historize(self, names: Iterable[str]) -> None:
        """Do for variables whose history begins later what was done for the others at the start; fields have none."""
        nodeids = self._nodeids
        if nodeids is None:
            return
        found: list[SpaceNode] = []
        for name in names:
            with contextlib.suppress(UnknownNamespaceError, NodeNameError):
                node = self._space.get(key_of(nodeids.from_text(name)))
                found += [node] if node is not None else ()
        self._historize(found)

    def _historize(self, nodes: Sequence[SpaceNode]) -> None:
        added: list[SpaceNode] = []
        references: list[tuple[Link, Link]] = []
        for node in nodes:
            held = node.variable
            if held is None or not held.access_level & ACCESS_HISTORY_READ:
                continue
            if self._edits:
                node.variable = self._written(held)
                note = self._annotations(node)
                if note is not None:
                    added.append(note)
                    references.append(((_HAS_TYPE, _PROPERTY_TYPE), (_HAS_TYPE, note.key)))
                    references.append(((HAS_PROPERTY, note.key), (HAS_PROPERTY, node.key)))
            if self._configurations.own(node) is None and self._links:
                link = self._links[self._configurations.is_stepped_by_type(node)]
                references.append((link, (HAS_HISTORICAL_CONFIGURATION, node.key)))
        self._space.add_all(added, references)

    def _written(self, held: VariableAttributes) -> VariableAttributes:
        """Give the attributes of a variable whose history can be changed; equal ones are one object."""
        known = self._changed.get(held)
        if known is None:
            access, user = held.access_level | ACCESS_HISTORY_WRITE, held.user_access_level | ACCESS_HISTORY_WRITE
            known = self._changed[held] = held._replace(access_level=access, user_access_level=user)
        return known

    def _annotations(self, node: SpaceNode) -> SpaceNode | None:
        """Make a variable's Annotations Property; None where it has one, which can be used from now on."""
        for kind, to in node.forward:
            child = self._space.get(to) if kind == HAS_PROPERTY else None
            if child is not None and child.browse_name == ANNOTATIONS and child.variable is not None:
                access = child.variable.access_level | _BOTH
                child.variable = child.variable._replace(access_level=access, user_access_level=access)
                return None
        if self._nodeids is None:
            return None
        key: NodeKey = (1, ANNOTATION_PREFIX + self._nodeids.to_text(nodeid_of(node.key)))
        if key in self._space:  # of a variable that has gone and come again
            self._space.remove(key)
        access = AccessAttributes(within=node.key)  # who may not know of the variable may not know of this
        return SpaceNode(key, NodeClass.VARIABLE, ANNOTATIONS, _ANNOTATIONS_TEXT, (), _ANNOTATION, access=access)

    def _configure(self, keeps: float | None) -> None:
        """Fill the standard's configuration of values on lines, make the one of values that hold."""
        lines = self._space.get(_LINES)
        if lines is None:
            return  # a space without the standard's nodes
        usual = AggregateConfiguration()
        prefix = "HAConfiguration_AggregateConfiguration"
        default = "DefaultHAConfiguration"
        for begin in (prefix, f"{default}_AggregateConfiguration"):
            self._say(f"{begin}_TreatUncertainAsBad", boolean_variant(value=usual.treat_uncertain_as_bad))
            self._say(f"{begin}_PercentDataBad", byte_variant(usual.percent_bad))
            self._say(f"{begin}_PercentDataGood", byte_variant(usual.percent_good))
            self._say(f"{begin}_UseSlopedExtrapolation", boolean_variant(value=usual.sloped))
        self._say("HAConfiguration_Stepped", boolean_variant(value=False))
        self._say(f"{default}_Stepped", boolean_variant(value=False))
        self._say(f"{default}_ServerTimestampSupported", boolean_variant(value=True))
        if keeps is not None:
            self._say(f"{default}_StartOfArchive", _since(keeps))
            self._say(f"{default}_StartOfOnlineArchive", _since(keeps))
            self._say(f"{default}_MaxTimeStoredValues", double_variant(keeps * 1000.0))
        if _HOLDS not in self._space:
            self._add(lines, _HOLDS, stepped=True)
            self._archive(_LINES, "HA Configuration", keeps)
            self._archive(_HOLDS, _HOLDS[1], keeps)
            for key in (_LINES, _HOLDS):
                self._space.refer(_SERVER_OBJECT, _ORGANIZES, key)
        self._links = {
            stepped: (HAS_HISTORICAL_CONFIGURATION, key) for stepped, key in ((False, _LINES), (True, _HOLDS))
        }

    def _add(self, like: SpaceNode, key: tuple[int, str], *, stepped: bool) -> None:
        """Copy the standard's configuration with its children."""
        self._copy(like, key)
        for kind, to in like.forward:
            child = self._space.get(to)
            if kind not in (HAS_PROPERTY, _HAS_COMPONENT) or child is None:
                continue
            path = (key[0], f"{key[1]}.{child.browse_name.name}")
            copied = self._copy(child, path)
            self._space.refer(key, kind, path)
            if child.browse_name.name == "Stepped":
                copied.value = boolean_variant(value=stepped)
            for inner_kind, inner in child.forward:
                below = self._space.get(inner)
                if inner_kind == HAS_PROPERTY and below is not None:
                    under = (key[0], f"{path[1]}.{below.browse_name.name}")
                    self._copy(below, under)
                    self._space.refer(path, inner_kind, under)

    def _copy(self, node: SpaceNode, key: NodeKey) -> SpaceNode:
        copied = SpaceNode(
            key, node.node_class, node.browse_name, node.display_name, node.description, node.variable, node.value
        )
        self._space.add(copied)
        kind = self._space.type_of(node)
        if kind is not None:
            self._space.refer(key, _HAS_TYPE, kind)
        return copied

    def _archive(self, key: NodeKey, name: str, keeps: float | None) -> None:
        """Add the optional Properties that are known of an archive (Part 11 v1.05 5.2.3)."""
        told: dict[str, tuple[int, bytes | ReadValue]] = {
            "ServerTimestampSupported": (_ids.Boolean, boolean_variant(value=True)),
        }
        if keeps is not None:
            told["StartOfArchive"] = told["StartOfOnlineArchive"] = (_ids.UtcTime, _since(keeps))
            told["MaxTimeStoredValues"] = (_ids.Duration, double_variant(keeps * 1000.0))
        for child, (kind, value) in told.items():
            below: NodeKey = (1, f"{name}.{child}")
            attributes = VariableAttributes(numeric_key(0, kind))
            text = (LocalizedText(None, child),)
            self._space.add(SpaceNode(below, NodeClass.VARIABLE, BrowseName(0, child), text, (), attributes, value))
            self._space.refer(below, _HAS_TYPE, _PROPERTY_TYPE)
            self._space.refer(key, HAS_PROPERTY, below)

    def _capability(self, name: str, *, told: bool) -> None:
        self._say(f"HistoryServerCapabilities_{name}", boolean_variant(value=told))

    def _say(self, name: str, value: bytes | ReadValue) -> None:
        node = self._space.get(numeric_key(0, int(getattr(_ids, name))))
        if node is not None:
            node.value = value


_ANNOTATIONS_TEXT: Final = (LocalizedText(None, "Annotations"),)


def _since(keeps: float) -> Callable[[], GivenValue]:
    """Give what tells since when values are kept: earlier ones have gone."""

    def read() -> GivenValue:
        present = now()
        since = max(present - round(keeps * TICKS_PER_SECOND), 1)
        return GivenValue(variant(BuiltInType.DateTime, since.to_bytes(8, "little")), 0, present, present)

    return read
