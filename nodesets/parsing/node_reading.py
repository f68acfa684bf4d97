"""Reads one node element: attributes, texts, references, permissions, definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import (
    DataTypeDefinition,
    DataTypeField,
    DataTypeNode,
    MethodNode,
    Node,
    Reference,
    ReferenceTypeNode,
    RolePermission,
    VariableNode,
    VariableTypeNode,
)
from nodesets.parsing.attributes import OF_DEFINITION, OF_FIELD, OF_NODE, UINT32
from nodesets.parsing.elements import PREFIX, Element, argument, canonical, local_name, localized, translation
from nodesets.parsing.telling import Teller
from nodesets.parsing.texts import Texts, truth, whole

_REFERENCE = f"{PREFIX}Reference"
_OF_REFERENCE = frozenset({"ReferenceType", "IsForward"})
_FORWARD: Mapping[str | None, tuple[bool, int]] = {None: (True, 1), "true": (True, 2), "false": (False, 2)}
"""By IsForward as it is written: what it means, and how many attributes a Reference has with it."""
_MENDS = {"NodeId": "give it one", "BrowseName": 'give it one, such as BrowseName="1:Temperature"'}
# Elements that may be there several times: the field that they are collected in, and who has them (None: all).
_REPEATED: Mapping[str, tuple[str, Callable[[Element], object], type[Node] | None]] = {
    "DisplayName": ("display_name", localized, None),
    "Description": ("description", localized, None),
    "Category": ("categories", lambda element: element.text or "", None),
    "InverseName": ("inverse_name", localized, ReferenceTypeNode),
    "Translation": ("translations", translation, VariableNode),
    "ArgumentDescription": ("arguments", argument, MethodNode),
}


class NodeReader:
    """Makes records of node elements."""

    def __init__(self, texts: Texts, teller: Teller) -> None:
        """Read texts by ``texts``, and tell ``teller`` what is wrong."""
        self._texts = texts
        self._tell = teller

    def read(self, element: Element, tag: str) -> tuple[Node | None, Element | None]:
        """Give the record, None where it would have no identity, and the ``Value`` element."""
        kind, attributes = OF_NODE[tag]
        values = self._tell.attributes(element, attributes, tag)
        for key, mend in _MENDS.items():
            if key not in element.attrib:
                self._tell.problem(element, f"{tag if key == 'NodeId' else 'the node'} has no {key}", mend)
        values["position"] = self._tell.position
        repeated: dict[str, list[object]] = {}
        once: set[str] = set()
        value: Element | None = None
        for child in element:
            name = local_name(child)
            how = _REPEATED.get(name)
            if how is not None and (how[2] is None or kind is how[2]):
                repeated.setdefault(how[0], []).append(how[1](child))
            elif name in once:
                self._tell.problem(child, f"{tag} has a second {name}", "put what both hold into one")
            elif name == "Value" and kind in (VariableNode, VariableTypeNode):
                value = child
                once.add(name)
            elif self._single(child, name, kind, values):
                once.add(name)
            else:
                self._tell.unknown_element(child, tag)
        values.update((key, tuple(items)) for key, items in repeated.items())
        if "name" not in values or "browse_name" not in values:
            return None, None
        return kind(**values), value  # type: ignore[arg-type]  # the tables of attributes name the fields of this class

    def _single(self, child: Element, name: str, kind: type[Node], values: dict[str, object]) -> bool:
        match name:
            case "References":
                values["references"] = tuple(self._references(child))
            case "Documentation":
                values["documentation"] = child.text or ""
            case "RolePermissions":
                values["role_permissions"] = tuple(self._role_permissions(child))
            case "Extensions":
                values["extensions"] = tuple(canonical(one) for one in child)
            case "Definition" if kind is DataTypeNode:
                values["definition"] = self._definition(child)
            case _:
                return False
        return True

    def _references(self, element: Element) -> Iterator[Reference]:
        known = self._texts.known
        number = -1
        for child in element:
            if child.tag != _REFERENCE:
                self._tell.unknown_element(child, "References")
                continue
            number += 1
            # Most of a file is references, and most of their names were read before.
            kind, target = known(child.get("ReferenceType", "")), known(child.text or "")
            forward = _FORWARD.get(child.get("IsForward"))
            if kind is not None and target is not None and forward is not None and len(child.attrib) == forward[1]:
                yield Reference(kind, target, forward[0])
            elif (reference := self._reference(child)) is not None:
                yield reference
            else:
                self._tell.unread_reference(number)

    def _reference(self, element: Element) -> Reference | None:
        named, attempt = self._texts.named, self._tell.attempt
        if "ReferenceType" not in element.attrib:
            self._tell.problem(element, "Reference has no ReferenceType", "name one, such as HasComponent")
            return None
        for key in element.attrib:
            if key not in _OF_REFERENCE:
                self._tell.unknown_attribute(element, str(key), "Reference")
        kind = attempt(element, "ReferenceType", lambda: named(element.get("ReferenceType", "")))
        target = attempt(element, "Reference", lambda: named(element.text or ""))
        forward = attempt(element, "IsForward", lambda: truth(element.get("IsForward", "true")))
        return Reference(kind, target, forward is not False) if kind is not None and target is not None else None

    def _role_permissions(self, element: Element) -> Iterator[RolePermission]:
        for child in element:
            if local_name(child) != "RolePermission":
                self._tell.unknown_element(child, "RolePermissions")
                continue
            role, bits = child.text or "", child.get("Permissions", "0")
            name = self._tell.attempt(child, "RolePermission", lambda role=role: self._texts.named(role))
            permissions = self._tell.attempt(child, "Permissions", lambda bits=bits: whole(bits, 0, UINT32))
            if name is not None and permissions is not None:
                yield RolePermission(name, permissions)

    def _definition(self, element: Element) -> DataTypeDefinition:
        values = self._tell.attributes(element, OF_DEFINITION, "Definition")
        values.setdefault("name", self._texts.qualified(""))
        fields: list[DataTypeField] = []
        for child in element:
            if local_name(child) == "Field":
                fields.append(self._field(child))
            else:
                self._tell.unknown_element(child, "Definition")
        return DataTypeDefinition(**values, fields=tuple(fields))  # type: ignore[arg-type]  # as in read

    def _field(self, element: Element) -> DataTypeField:
        values = self._tell.attributes(element, OF_FIELD, "Field")
        if "name" not in values:
            values["name"] = ""
            self._tell.problem(element, "Field has no Name", "give it one")
        display_name: list[LocalizedText] = []
        description: list[LocalizedText] = []
        for child in element:
            match local_name(child):
                case "DisplayName":
                    display_name.append(localized(child))
                case "Description":
                    description.append(localized(child))
                case _:
                    self._tell.unknown_element(child, "Field")
        return DataTypeField(**values, display_name=tuple(display_name), description=tuple(description))  # type: ignore[arg-type]  # as in read
