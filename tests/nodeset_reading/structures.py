"""Structures, unions and their fields by DataTypeDefinition (Part 6 v1.05 5.3.3 to 5.3.7, 5.1.7)."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable

from tests.nodeset_reading import lexical
from tests.nodeset_reading.built_in import DEFAULTS, Tell
from tests.nodeset_reading.data_types import DECIMAL, STRUCTURE, TypeDictionary, field_names
from tests.nodeset_reading.records import DataTypeField, Tree
from tests.nodeset_reading.xml_text import child, is_nil, local_name, text_of

ReadBuiltIn = Callable[[ET.Element, str], Tree]


class StructureReading:
    """Reads structures; built-in elements are read by the given function."""

    def __init__(self, types: TypeDictionary, tell: Tell, built_in: ReadBuiltIn) -> None:
        self.types = types
        self.tell = tell
        self.built_in = built_in

    def structure(self, element: ET.Element, data_type: str) -> Tree:
        """{'type', 'fields'}; raises ValueError when any field cannot be read."""
        fields = self.types.fields(data_type)
        elements = self._elements_of(element, fields, data_type)
        if self.types.is_union(data_type):
            return {"type": data_type, "fields": self._union(element, fields, elements)}
        read: dict[str, Tree] = {}
        optional = [each for each in fields if each.is_optional]
        mask = self._mask(element, optional)
        for each in fields:
            there = each.name in elements
            if not each.is_optional:
                read[each.name] = self.field(elements[each.name], each) if there else self.default(each)
                continue
            said = bool(mask >> optional.index(each) & 1) if mask is not None else there
            if there and not said:
                self.tell("encoding-mask", f"{each.name} is there, EncodingMask {mask} says it is not")
            if there:
                read[each.name] = self.field(elements[each.name], each)
            elif said:  # 5.3.6: what the mask announces and the XML omits has its default
                read[each.name] = self.default(each)
        return {"type": data_type, "fields": read}

    def _elements_of(self, element: ET.Element, fields: list[DataTypeField], data_type: str) -> dict[str, ET.Element]:
        found: dict[str, ET.Element] = {}
        own = {"SwitchField", "EncodingMask"}
        for each in element:
            name = local_name(each)
            owner = next((field for field in fields if name in field_names(field)), None)
            if owner is not None and owner.name not in found:
                found[owner.name] = each
            elif owner is not None:
                self.tell("field-twice", f"{name} of {data_type}")
            elif name not in own:
                self.tell("unknown-field", f"{name} of {data_type}")
        in_order = [field.name for field in fields if field.name in found]
        if in_order != list(found):
            self.tell("field-order", f"{list(found)} of {data_type}")
        if text_of(element).strip():
            self.tell("stray-text", f"{text_of(element).strip()!r} in a {data_type}")
        return found

    def _mask(self, element: ET.Element, optional: list[DataTypeField]) -> int | None:
        mask = child(element, "EncodingMask")
        if mask is None:
            if optional:
                self.tell(
                    "no-encoding-mask", f"{local_name(element)}: the elements say which optional fields are there"
                )
            return None
        return lexical.integer(text_of(mask), "UInt64")

    def _union(self, element: ET.Element, fields: list[DataTypeField], found: dict[str, ET.Element]) -> Tree:
        switch = child(element, "SwitchField")
        number = lexical.integer(text_of(switch), "UInt32") if switch is not None and text_of(switch).strip() else 0
        if number > len(fields):
            msg = f"SwitchField {number} of a union of {len(fields)} fields"  # 5.3.7: shall be reported
            raise ValueError(msg)
        if not number and not found:
            return {}
        if len(found) > 1:
            msg = f"a union with {sorted(found)}"
            raise ValueError(msg)
        if not number:
            self.tell("no-switch-field", f"{local_name(element)}: the element says which field it is")
            chosen = next(field for field in fields if field.name in found)
        else:
            chosen = fields[number - 1]
        if found and chosen.name not in found:
            msg = f"SwitchField {number} is {chosen.name}, the element is {min(found)}"
            raise ValueError(msg)
        return {chosen.name: self.field(found[chosen.name], chosen) if found else self.default(chosen)}

    def field(self, element: ET.Element, field: DataTypeField) -> Tree:
        """Value of one field by its ValueRank."""
        try:
            return self._ranked(element, field)
        except ValueError as error:
            msg = f"{field.name}: {error}"
            raise ValueError(msg) from error

    def _ranked(self, element: ET.Element, field: DataTypeField) -> Tree:
        rank = field.value_rank
        if rank < -1 or rank == 0:
            # F.13 allows -1 and fixed ranks; a Variant holds any rank, for the rest the content tells.
            is_variant = self.types.written_as(field.data_type) == "Variant"
            rank = -1 if is_variant else self._rank_of(element, field)
            if not is_variant:
                self.tell("value-rank-of-field", f"{field.name} has ValueRank {field.value_rank}, read as {rank}")
        if rank == -1:
            return self.item(element, field)
        if is_nil(element):
            return None
        return self._list(element, field) if rank == 1 else self._matrix(element, field)

    def _rank_of(self, element: ET.Element, field: DataTypeField) -> int:
        if child(element, "Dimensions") is not None and child(element, "Elements") is not None:
            return 2
        return 1 if len(element) and {local_name(each) for each in element} <= self._item_names(field) else -1

    def _item_names(self, field: DataTypeField) -> set[str]:
        return self.types.element_names(field.data_type) | {self.encoding_of(field)}

    def _list(self, element: ET.Element, field: DataTypeField) -> Tree:
        for each in element:
            if local_name(each) not in self._item_names(field):
                self.tell("array-element-name", f"<{local_name(each)}> in {field.name} of {field.data_type}")
        return [self.item(each, field) for each in element]

    def _matrix(self, element: ET.Element, field: DataTypeField) -> Tree:
        dimensions, elements = child(element, "Dimensions"), child(element, "Elements")
        if dimensions is None or elements is None:
            if not len(element):
                return None
            msg = "a matrix without Dimensions or Elements (5.3.4)"
            raise ValueError(msg)
        lengths = [lexical.integer(text_of(each)) for each in dimensions]
        if math.prod(lengths) != len(elements):
            msg = f"a matrix of dimensions {lengths} with {len(elements)} Elements"
            raise ValueError(msg)
        return {"dimensions": [*lengths], "value": self._list(elements, field)}

    def encoding_of(self, field: DataTypeField) -> str:
        """How a value of the field is written: a built-in type's name, Structure (inline), Enumeration or Decimal."""
        written_as = self.types.written_as(field.data_type)
        if written_as == "Structure":
            open_type = field.data_type == STRUCTURE or field.data_type in self.types.abstract or field.allow_sub_types
            return "ExtensionObject" if open_type else "Structure"
        # Part 3 StructureWithSubtypedValues: what is no structure is a Variant where subtypes are allowed.
        return "Variant" if field.allow_sub_types else written_as

    def item(self, element: ET.Element, field: DataTypeField) -> Tree:
        """One value of the field's DataType, whatever its rank."""
        encoding = self.encoding_of(field)
        wrapped = {local_name(each) for each in element} & {"TypeId", "Body"}
        own_names = {each.name for each in self.types.fields(field.data_type)}
        if encoding == "ExtensionObject" and len(element) and not wrapped and field.data_type != STRUCTURE:
            self.tell("inline-where-extension-object", f"{field.name} of {field.data_type}")
            encoding = "Structure"
        elif encoding == "Structure" and wrapped and not wrapped & own_names:
            self.tell("extension-object-where-inline", f"{field.name} of {field.data_type}")
            encoding = "ExtensionObject"
        if encoding == "Structure":
            return None if is_nil(element) else self.structure(element, field.data_type)
        if encoding == "Enumeration":
            return self._enumeration(element, field.data_type)
        if encoding == "Decimal":
            body = child(element, "Body")
            return None if body is None else self.decimal(body)
        return self.built_in(element, encoding)

    def _enumeration(self, element: ET.Element, data_type: str) -> int:
        text = text_of(element).strip()
        name, underscore, number = text.rpartition("_")
        definition = self.types.definitions.get(data_type)
        names = {each.value: field_names(each) for each in definition.fields} if definition else {}
        if is_nil(element):
            return 0
        if not underscore:
            named = [value for value, known in names.items() if text in known]
            return named[0] if named else lexical.integer(text)
        value = lexical.integer(number)
        if names and name not in names.get(value, ()):
            self.tell("enumeration-name", f"{text} of {data_type}")
        return value

    def decimal(self, body: ET.Element) -> Tree:
        """Body of a Decimal: Scale and an integer of any size (5.3.2)."""
        scale, value = child(body, "Scale"), child(body, "Value")
        if scale is None or value is None:
            msg = "a Decimal without Scale or Value"
            raise ValueError(msg)
        fields: dict[str, Tree] = {"Scale": lexical.integer(text_of(scale), "Int16"), "Value": int(text_of(value))}
        return {"type": DECIMAL, "fields": fields}

    def default(self, field: DataTypeField, inside: tuple[str, ...] = ()) -> Tree:
        """Value of a missing element (5.3.5); a structure that holds itself has no finite one and is None there."""
        encoding = self.encoding_of(field)
        if field.value_rank != -1 or encoding == "Decimal" or field.data_type in inside:
            return None
        if encoding == "Enumeration":
            return 0
        if encoding != "Structure":
            return DEFAULTS[encoding]
        if self.types.is_union(field.data_type):
            return {"type": field.data_type, "fields": {}}
        parts: dict[str, Tree] = {
            each.name: self.default(each, (*inside, field.data_type))
            for each in self.types.fields(field.data_type)
            if not each.is_optional
        }
        return {"type": field.data_type, "fields": parts}
