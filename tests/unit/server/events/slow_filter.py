"""Where-clauses evaluated as one reads the tables of Part 4 v1.05 7.7.3: recursively, on asyncua's own objects.

For values of the types in PRECEDENCE, of DateTime and null; numbers are given in their range, texts are few.
"""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import re
from typing import Any

from asyncua import ua

KINDS = ua.VariantType
PRECEDENCE = [
    "Double",
    "Float",
    "Int64",
    "UInt64",
    "Int32",
    "UInt32",
    "Int16",
    "UInt16",
    "SByte",
    "Byte",
    "Boolean",
    "String",
    "NodeId",
    "LocalizedText",
]
SIZES = {"SByte": 1, "Byte": 1, "Int16": 2, "UInt16": 2, "Int32": 4, "UInt32": 4, "Int64": 8, "UInt64": 8}
Fields = dict[str, ua.Variant]


class NoConversionError(Exception):
    pass


def passes(elements: list[ua.ContentFilterElement], fields: Fields) -> bool:
    return not elements or truth(evaluate(elements, 0, fields)) is True


def evaluate(elements: list[ua.ContentFilterElement], index: int, fields: Fields) -> ua.Variant:  # noqa: PLR0911 - one for each row of the table
    """Give an element's value; a null Variant is null."""
    operands = [operand_value(elements, one, fields) for one in elements[index].FilterOperands]
    name = ua.FilterOperator(elements[index].FilterOperator).name
    if name == "IsNull":
        return made(is_null(operands[0]))
    if name == "InList":
        return any_of([equals(operands[0], other) for other in operands[1:]])
    if name == "Between":
        low, high = compared(operands[0], operands[1], ">="), compared(operands[0], operands[2], "<=")
        return all_of([low, high])
    if name == "And":
        return all_of([made(truth(one)) for one in operands])
    if name == "Or":
        return any_of([made(truth(one)) for one in operands])
    if name == "Not":
        held = truth(operands[0])
        return made(None if held is None else not held)
    if name in ("BitwiseAnd", "BitwiseOr"):
        return bits(name, *operands)
    if name == "Like":
        return like(*operands)
    if name == "Equals":
        return equals(*operands)
    return compared(
        operands[0],
        operands[1],
        {"GreaterThan": ">", "LessThan": "<", "GreaterThanOrEqual": ">=", "LessThanOrEqual": "<="}[name],
    )


def operand_value(elements: list[ua.ContentFilterElement], operand: Any, fields: Fields) -> ua.Variant:
    if isinstance(operand, ua.ElementOperand):
        return evaluate(elements, operand.Index, fields)
    if isinstance(operand, ua.LiteralOperand):
        return operand.Value
    return fields.get(operand.BrowsePath[0].Name, ua.Variant())


def made(held: bool | None) -> ua.Variant:  # noqa: FBT001 - a truth value
    return ua.Variant() if held is None else ua.Variant(held, KINDS.Boolean)


def is_null(value: ua.Variant) -> bool:
    return value.Value is None or value.Value == ua.NodeId()


def truth(value: ua.Variant) -> bool | None:
    if value.VariantType is KINDS.String and value.Value is not None:
        return {"true": True, "1": True, "false": False, "0": False}.get(value.Value)
    return value.Value if value.VariantType is KINDS.Boolean else None


def all_of(values: list[ua.Variant]) -> ua.Variant:
    held = [one.Value for one in values]
    return made(False if False in held else None if None in held else True)


def any_of(values: list[ua.Variant]) -> ua.Variant:
    held = [one.Value for one in values]
    return made(True if True in held else None if None in held else False)


def common(left: ua.Variant, right: ua.Variant) -> tuple[str, Any, Any]:
    kinds = left.VariantType.name, right.VariantType.name
    if kinds[0] == kinds[1]:
        return kinds[0], left.Value, right.Value
    if not {*kinds} <= {*PRECEDENCE}:
        raise NoConversionError
    kind = min(kinds, key=PRECEDENCE.index)
    return kind, convert(left, kind), convert(right, kind)


def convert(value: ua.Variant, kind: str) -> Any:
    """Convert implicitly, to the type of higher precedence."""
    held, given = value.Value, value.VariantType.name
    if given == kind:
        return held
    if kind == "String" and given == "NodeId":
        return held.to_string()
    if kind == "String" and given == "LocalizedText":
        return held.Text
    if kind in ("String", "NodeId", "LocalizedText") or given in ("NodeId", "LocalizedText"):
        raise NoConversionError
    if kind == "Boolean":
        held = truth(value)
        if held is None:
            raise NoConversionError
        return held
    try:
        number = float(held) if kind in ("Double", "Float") else int(held)
    except ValueError:
        raise NoConversionError from None
    if kind in SIZES:
        width = 8 * SIZES[kind]
        low, high = (0, 2**width) if kind[0] in "UB" else (-(2 ** (width - 1)), 2 ** (width - 1))
        if not low <= number < high:
            raise NoConversionError
    return number


def equals(left: ua.Variant, right: ua.Variant) -> ua.Variant:
    if is_null(left) or is_null(right):
        return made(None)
    try:
        _, one, other = common(left, right)
    except NoConversionError:
        return made(False)  # noqa: FBT003 - a truth value
    return made(one == other)


def compared(left: ua.Variant, right: ua.Variant, sign: str) -> ua.Variant:
    if is_null(left) or is_null(right):
        return made(None)
    try:
        kind, one, other = common(left, right)
    except NoConversionError:
        return made(False)  # noqa: FBT003 - a truth value
    if kind in ("Boolean", "NodeId", "LocalizedText"):
        return made(False)  # noqa: FBT003 - a truth value
    return made({">": one > other, "<": one < other, ">=": one >= other, "<=": one <= other}[sign])


def bits(name: str, left: ua.Variant, right: ua.Variant) -> ua.Variant:
    kinds = left.VariantType.name, right.VariantType.name
    if not {*kinds} <= {*SIZES}:
        return ua.Variant()
    kind = max(kinds, key=lambda one: (SIZES[one], one[0] not in "UB"))
    size = SIZES[kind]
    one, other = ((held.Value % 2**64).to_bytes(8, "little")[:size] for held in (left, right))
    joined = bytes(a & b if name == "BitwiseAnd" else a | b for a, b in zip(one, other, strict=True))
    return ua.Variant(int.from_bytes(joined, "little", signed=kind[0] not in "UB"), KINDS[kind])


def like(text: ua.Variant, pattern: ua.Variant) -> ua.Variant:
    if is_null(text) or is_null(pattern):
        return made(None)
    try:
        shown, wanted = (one.Value if one.VariantType is KINDS.String else textual(one) for one in (text, pattern))
    except NoConversionError:
        return made(False)  # noqa: FBT003 - a truth value
    written = "".join({"%": ".*", "_": "."}.get(one, re.escape(one)) for one in wanted)
    return made(re.fullmatch(written, shown, re.DOTALL) is not None)


def textual(value: ua.Variant) -> str:
    if value.VariantType.name not in ("NodeId", "LocalizedText"):
        raise NoConversionError
    return convert(value, "String")
