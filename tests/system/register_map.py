"""A register map that others published (ha-solarman's YAML), read on its own and turned into bindings."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KIND_OF_RULE = {1: "uint16", 2: "int16", 3: "uint32", 4: "int32"}
_COMPUTED = {"sensors", "mask", "bit", "divide", "inverse", "magnitude"}
"""Keys by which an entry's value is more than its registers, scale and offset."""


@dataclass(frozen=True)
class Register:
    """One entry of the map: rules 1 and 2 are 16 bits, 3 and 4 are 32; the even ones are signed."""

    name: str
    rule: int
    registers: tuple[int, ...]
    """Protocol addresses, least significant word first, as the map lists them."""
    scale: float
    offset: float
    unit: str

    def value(self, held: Mapping[int, int]) -> float:
        """Give what the map says that registers of this content mean."""
        raw = sum(held[register] << 16 * place for place, register in enumerate(self.registers))
        bits = 16 * len(self.registers)
        if self.rule in (2, 4) and raw >= 1 << (bits - 1):
            raw -= 1 << bits
        return (raw - self.offset) * self.scale

    @property
    def binding(self) -> dict[str, str]:
        """The row that tells the gateway the same."""
        order = "" if len(self.registers) == 1 else "@cdab" if self.registers[0] < self.registers[1] else "@abcd"
        return {
            "node": self.name,
            "address": f"holding:0x{min(self.registers):04X}/{KIND_OF_RULE[self.rule]}{order}",
            "type": "Double",
            "unit": self.unit,
            "scale": repr(self.scale),
            "offset": repr(-self.offset * self.scale),
        }


def published(file: Path) -> list[Register]:
    """Take the plain numbers out of a map, by their first entry; times, texts and computed values are left out."""
    document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    found: dict[str, Register] = {}
    for item in (item for group in document["parameters"] for item in group["items"]):
        register = _register(item)
        if register is not None:
            found.setdefault(register.name, register)
    return list(found.values())


def _register(item: Mapping[str, Any]) -> Register | None:
    rule, registers, scale = item.get("rule"), tuple(item.get("registers", ())), item.get("scale", 1)
    if not item["name"] or rule not in KIND_OF_RULE or isinstance(scale, list) or _COMPUTED & item.keys():
        return None
    if len(registers) != (1 if rule <= 2 else 2) or max(registers) - min(registers) >= len(registers):
        return None
    # What a browse path gives a meaning to cannot stand in a tag's name.
    name = re.sub(r"[/*?\[\]]", "-", str(item["name"]))
    return Register(name, rule, registers, float(scale), float(item.get("offset", 0)), str(item.get("uom", "")))


def write_bindings(file: Path, table: Sequence[Register]) -> None:
    """Write the bindings of a map as a user keeps them: a CSV file beside the configuration."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(table[0].binding))
        writer.writeheader()
        writer.writerows(register.binding for register in table)
