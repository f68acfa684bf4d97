"""Walks over structures, made of the dataclasses that asyncua decodes them into (seam: ``asyncua.ua.ua_binary``).

What is passed over are the fields that asyncua reads, in its order: a description of its own could differ from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum, IntFlag
from typing import Any, NamedTuple

from asyncua import ua
from asyncua.ua.ua_binary import Primitives, get_safe_type_hints, resolve_uatype
from asyncua.ua.uatypes import type_allow_subclass, type_from_list, type_from_optional, type_is_list, type_is_optional

from server.address_space.decoding import DecodingError
from server.address_space.keys import NULL_KEY, NodeKey, nodeid_of
from server.ua_stack.decode_budget.built_in import BuiltIn, built_in, walk_array
from server.ua_stack.decode_budget.walk import Walk

_EXTENSION_OBJECT = 22
_OTHER_NAMES = {"CharArray": 12, "Bytes": 15, "Char": 3}
"""Names that asyncua has for built-in types beside their own."""
_INT32 = 4
_MASK = "Encoding"
"""The field that says which of the optional ones are there (Part 6 v1.05 5.2.7)."""


class _Field(NamedTuple):
    """``bit``: of the mask, 0 for a field that is always there."""

    bit: int
    walk: Callable[[Walk], object]


class Structure:
    """Passes over one type of structure."""

    def __init__(self, kind: type) -> None:
        """Begin without fields."""
        self._name = kind.__name__
        self._fields: tuple[_Field, ...] = ()
        self._optional = 0
        self.least = 0
        """Bytes that one has at least; 0 until all is known, for one that is within itself."""

    def describe(self, described: list[tuple[int, BuiltIn]]) -> None:
        """Take the fields, each with its bit of the mask; the mask itself has the bit -1."""
        self._fields = tuple(_Field(bit, field.walk) for bit, field in described)
        self._optional = sum(bit for bit, _ in described if bit > 0)
        self.least = sum(field.least for bit, field in described if bit <= 0)

    def __call__(self, walk: Walk) -> None:
        """Pass over one. Raises :class:`DecodingError`."""
        walk.spend(1)
        mask = 0
        for bit, one in self._fields:
            if bit < 0:
                mask = walk.data[walk.at] if walk.at < len(walk.data) else 0
                one(walk)
                if mask & ~self._optional:
                    message = f"0x{mask:02X} is no mask of a {self._name}"
                    raise DecodingError(message)
            elif not bit or mask & bit:
                one(walk)


def _refuse(kind: type, why: Exception) -> Callable[[Walk], None]:
    reason = repr(why)

    def refuse(_: Walk) -> None:
        message = f"a {kind.__name__} cannot be decoded here: {reason}"
        raise DecodingError(message)

    return refuse


class KnownStructures:
    """All structures that asyncua knows, described when they are met first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._of: dict[type, Callable[[Walk], None]] = {}

    def __call__(self, encoding: NodeKey) -> Callable[[Walk], None] | None:
        """Find the structure that a NodeId is the binary encoding of; None for one that asyncua leaves as it is.

        The null NodeId is no structure's, whatever asyncua was made to register for it.
        """
        if encoding == NULL_KEY:
            return None
        kind = ua.extension_objects_by_typeid.get(nodeid_of(encoding))
        return None if kind is None else self.of(kind)

    def of(self, kind: type) -> Callable[[Walk], None]:
        """Describe a dataclass; one that asyncua itself cannot decode is refused wherever it is met."""
        known = self._of.get(kind)
        if known is None:
            try:
                known = self._structure(kind)
            except Exception as error:  # noqa: BLE001 - a name that asyncua's own annotations get wrong raises anything
                known = self._of[kind] = _refuse(kind, error)
        return known

    def fields(self, kind: type) -> list[tuple[int, BuiltIn]]:
        """Describe the fields of a dataclass one by one. Raises anything for one that makes no sense."""
        if not is_dataclass(kind) or issubclass(kind, ua.UaUnion):
            raise TypeError(kind.__name__)
        hints = get_safe_type_hints(kind, {"ua": ua})
        described: list[tuple[int, BuiltIn]] = []
        next_bit = 1
        for field in fields(kind):
            hint, bit = hints[field.name], 0
            if type_is_optional(hint):
                hint, bit, next_bit = type_from_optional(hint), next_bit, next_bit << 1
            elif field.name == _MASK:
                bit = -1
            if type_allow_subclass(hint):
                described.append((bit, built_in(_EXTENSION_OBJECT)))
            else:
                described.append((bit, self._type(hint)))
        return described

    def _structure(self, kind: type) -> Structure:
        structure = self._of[kind] = Structure(kind)
        structure.describe(self.fields(kind))
        return structure

    def _type(self, hint: Any) -> BuiltIn:
        kind, _ = resolve_uatype(hint)
        if type_is_list(kind):
            return BuiltIn(self._array(resolve_uatype(type_from_list(kind))[0]), _INT32)
        code = _code(kind)
        if code is not None:
            return built_in(code)
        if issubclass(kind, Enum):
            return _enumeration(kind)
        known = self._of.get(kind)
        structure = known if isinstance(known, Structure) else self._structure(kind)
        return BuiltIn(structure, structure.least)

    def _array(self, kind: Any) -> Callable[[Walk], None]:
        code = _code(kind)
        if code is not None:

            def walk_built_in(walk: Walk) -> None:
                walk_array(walk, code)

            return walk_built_in
        one, least = self._type(kind)

        def walk_each(walk: Walk) -> None:
            for _ in range(walk.length(max(least, 1))):
                one(walk)  # a structure counts itself; enumerations are four bytes each

        return walk_each


def _code(kind: Any) -> int | None:
    """Give the number of a built-in type by the name that asyncua finds it by."""
    name = kind.__name__
    if hasattr(ua.VariantType, name):
        return int(ua.VariantType[name])
    return _OTHER_NAMES.get(name) if hasattr(Primitives, name) else None


def _enumeration(kind: type[Enum]) -> BuiltIn:
    """Pass over an enumeration's Int32, which is one of its values, or over an option set's bits."""
    if issubclass(kind, IntFlag):
        name: str = kind.datatype() if hasattr(kind, "datatype") else "UInt32"  # type: ignore[attr-defined]  # asyncua's
        return built_in(int(ua.VariantType[name]))
    values = frozenset(int(one.value) for one in kind)

    def walk_value(walk: Walk) -> None:
        value = walk.int32()
        if value not in values:
            message = f"{value} is none of {kind.__name__}"
            raise DecodingError(message)

    return BuiltIn(walk_value, _INT32)
