"""The elements of structures, unions and enumerations, by description (Part 6 v1.05 5.3.2, 5.3.4 to 5.3.8).

Fields are taken in any order, though the standard has one: published files have others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from nodesets.built_in_types import BuiltInType, Matrix, Structure, Value
from nodesets.datatypes.defaults import default_of_field
from nodesets.datatypes.description import FieldDescription, StructureDescription, element_name
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_built_in import READERS
from nodesets.datatypes.xml_elements import Element, is_nil, local_name, text_of
from nodesets.datatypes.xml_reader import ElementReader, XmlReader
from nodesets.datatypes.xml_texts import MAX_UINT32, RANGES, TextProblem, whole
from nodesets.names import NodeName

_SWITCH = "SwitchField"
_MASK = "EncodingMask"
_NUMBERED = re.compile(r"(?:(?P<name>.*)_)?(?P<number>[+-]?[0-9]{1,11})", re.DOTALL)
_NAMES_TOLD = 12


@dataclass(slots=True)
class _Field:
    name: str
    read: ElementReader
    default: Callable[[], Value]
    number: int
    """The bit of an optional field's, counted from 0; the number of a union's field, counted from 1."""
    is_optional: bool


@dataclass(slots=True)
class StructurePlan:
    """A structure's fields with their readers."""

    described: StructureDescription
    by_name: dict[str, _Field]
    fields: tuple[_Field, ...]
    control: str
    """The element before the fields that says which are there; empty for a kind that has none."""
    hint: str
    """Its first names, for whoever wrote another one."""
    names: frozenset[str]
    """What the element of such a structure is called."""


def read_structure(reader: XmlReader, element: Element, plan: StructurePlan) -> Structure:
    """Read the fields within an element, whatever that is called. The caller has gone a level deeper."""
    described = plan.described
    found, control = _present(reader, element, plan)
    if described.is_union:
        return Structure(described.type, _chosen(reader, element, plan, found, control))
    mask = _number(reader, control)
    if mask is not None:
        _check_mask(reader, control, plan, found, mask)
    fields: dict[str, Value] = {}
    for field in plan.fields:
        if field.name in found:
            fields[field.name] = found[field.name]
        elif not field.is_optional or (mask is not None and mask >> field.number & 1):
            fields[field.name] = field.default()
    return Structure(described.type, fields)


def _present(reader: XmlReader, element: Element, plan: StructurePlan) -> tuple[dict[str, Value], Element | None]:
    """Read the fields that are there, in whatever order, and find the SwitchField or EncodingMask."""
    found: dict[str, Value] = {}
    control: Element | None = None
    for child in element:
        if type(child.tag) is not str:
            continue
        name = local_name(child)
        field = plan.by_name.get(name)
        if field is None and name == plan.control:
            control = child
        elif field is None:
            problem = f"{plan.described.name} has no field {name}"
            reader.tell(child, problem, plan.hint, "warning")
        elif field.name in found:
            reader.tell(child, f"the field {name} is there twice", "keep one of them")
        else:
            found[field.name] = field.read(reader, child)
    if element.text is not None and not element.text.isspace():
        reader.tell(element, f"{local_name(element)} has text where its fields belong", plan.hint)
    return found, control


def _chosen(
    reader: XmlReader, element: Element, plan: StructurePlan, found: dict[str, Value], control: Element | None
) -> dict[str, Value]:
    """Give a union's one field, by SwitchField or by being there (Part 6 v1.05 5.3.7)."""
    if len(found) > 1:
        reader.tell(element, f"the union {plan.described.name} has the fields {', '.join(found)}", "keep one of them")
    switch = _number(reader, control)
    if switch is None:
        return found
    if switch == 0:
        if found:
            problem = f"SwitchField says that there is no field, and {next(iter(found))} is there"
            reader.tell(element, problem, "write the number of the field that is there")
        return {}
    chosen = next((one for one in plan.fields if one.number == switch), None)
    if chosen is None:
        problem = f"SwitchField is {switch}; {plan.described.name} has {len(plan.fields)} fields"
        reader.tell(element, problem, "write the number of the field that is there")
        return found
    if found and chosen.name not in found:
        problem = f"SwitchField says {chosen.name}, and {next(iter(found))} is there"
        reader.tell(element, problem, "write the number of the field that is there", "warning")
        return found
    return found or {chosen.name: chosen.default()}


def _check_mask(reader: XmlReader, control: Element, plan: StructurePlan, found: dict[str, Value], mask: int) -> None:
    for field in plan.fields:
        if field.is_optional and field.name in found and not mask >> field.number & 1:
            problem = f"EncodingMask says that {field.name} is absent, and it is there"
            reader.tell(control, problem, f"add {1 << field.number} to EncodingMask", "warning")


def _number(reader: XmlReader, element: Element | None) -> int | None:
    if element is None:
        return None
    try:
        return whole(text_of(element), 0, MAX_UINT32)
    except TextProblem as problem:
        reader.tell(element, f"{local_name(element)}: {problem.problem}", "write such a number")
        return None


def plan_of(registry: TypeRegistry, name: NodeName) -> StructurePlan:
    """Give the plan of a structure, made once. Raises :class:`DataTypeError` for one that is not described."""
    return registry.memo(("xml plan", name), lambda: _make_plan(registry, registry.structure(name)))


def _make_plan(registry: TypeRegistry, described: StructureDescription) -> StructurePlan:
    fields: list[_Field] = []
    by_name: dict[str, _Field] = {}
    bit = 0
    for position, one in enumerate(described.fields):
        is_optional = described.has_mask and one.is_optional
        field = _Field(
            name=one.name,
            read=_field_reader(registry, one),
            default=lambda one=one: default_of_field(one, registry),
            number=position + 1 if described.is_union else bit,
            is_optional=is_optional,
        )
        bit += is_optional
        fields.append(field)
        by_name.setdefault(one.tag, field)
    # What the schema calls a field comes first, then what people write instead.
    for one, field in zip(described.fields, fields, strict=True):
        by_name.setdefault(one.name, field)
        by_name.setdefault(element_name(one.name), field)
    names = frozenset({described.name, described.tag, element_name(described.name)})
    control = _SWITCH if described.is_union else _MASK if described.has_mask else ""
    hint = f"it has {', '.join(one.name for one in fields[:_NAMES_TOLD])}" if fields else "it has no fields"
    return StructurePlan(described, by_name, tuple(fields), control, hint, names)


def _field_reader(registry: TypeRegistry, field: FieldDescription) -> ElementReader:
    if field.is_inline:
        read = _inline_reader(field.data_type)
    elif field.is_enumeration:
        read = _enumeration_reader(registry, field.data_type)
    else:
        read = READERS[field.built_in]
    if field.rank == -1:
        return read
    # An array of a type without a name in Types.xsd, such as Duration, has elements named as the built-in type.
    names = dict.fromkeys((field.type_tag, field.built_in.name))
    if field.rank == 1:
        return lambda reader, element: reader.items(element, read, names)
    return lambda reader, element: _matrix(reader, element, read, names)


def _matrix(reader: XmlReader, element: Element, read: ElementReader, names: dict[str, None]) -> Value:
    if not len(element) and is_nil(element):
        return None
    parts = reader.parts(element, ("Dimensions", "Elements"))
    dimensions = reader.dimensions(parts.get("Dimensions"))
    listed = parts.get("Elements")
    found = (reader.items(listed, read, names) if listed is not None else None) or ()
    if not dimensions and not found:
        return None
    return Matrix(dimensions, found) if reader.fits(element, dimensions, len(found)) else None


def _inline_reader(data_type: NodeName) -> ElementReader:
    def read(reader: XmlReader, element: Element) -> Value:
        try:
            plan = plan_of(reader.registry, data_type)
        except DataTypeError as error:
            reader.tell(element, f"DataType {error.type_name}: {error.problem}", error.mend)
            return None
        if not reader.enter(element):
            return None
        found = read_structure(reader, element, plan)
        reader.depth -= 1
        return found

    return read


def _enumeration_reader(registry: TypeRegistry, data_type: NodeName) -> ElementReader:
    try:
        described = registry.enumeration(data_type)
    except DataTypeError:
        numbers: dict[str, int] = {}  # without a Definition the values are numbers all the same
    else:
        numbers = described.numbers
    least, most = RANGES[BuiltInType.Int32]

    def read(reader: XmlReader, element: Element) -> Value:
        text = (reader.plain_text(element) or "0").strip()
        match = _NUMBERED.fullmatch(text)
        number = int(match["number"]) if match else None
        name = match["name"] if match else text
        if number is not None and (name is None or numbers.get(name) == number) and least <= number <= most:
            return number
        if text in numbers:
            return numbers[text]
        if number is None or not least <= number <= most:
            reader.tell(element, f"{text[:40]!r} is no value of the enumeration", "write Name_number, or the number")
            return 0
        if numbers:
            what = f"is {numbers[name]}" if name in numbers else "is not a name of the enumeration"
            reader.tell(element, f"{text[:40]!r}: {name} {what}", "correct the name or the number", "warning")
        return number

    return read
