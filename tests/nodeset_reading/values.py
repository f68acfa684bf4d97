"""Values of Variables and VariableTypes as plain trees (Part 6 v1.05 5.3, F.14)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.nodeset_reading.data_types import TypeDictionary
from tests.nodeset_reading.records import FileContent, Problem, Tree
from tests.nodeset_reading.variants import VariantReading
from tests.nodeset_reading.xml_text import canonical_xml


@dataclass
class DecodedValues:
    """`values` by NodeId, each a Variant; a node without a Value element is not in it. `structures` counts bodies."""

    values: dict[str, Tree] = field(default_factory=dict[str, Tree])
    structures: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])


def decode_values(files: Sequence[FileContent], only: FileContent | None = None) -> DecodedValues:
    """Values of all files, or of one of them, by the DataTypes of them all."""
    types = TypeDictionary(files)
    decoded = DecodedValues()
    for file in files if only is None else [only]:
        for node in file.nodes.values():
            if node.value_element is not None:
                decoded.values[node.node_id] = _decode(node.value_element, node.node_id, file, types, decoded)
    return decoded


def _decode(element: ET.Element, node: str, file: FileContent, types: TypeDictionary, decoded: DecodedValues) -> Tree:
    def tell(kind: str, detail: str) -> None:
        decoded.problems.append(Problem(kind, file.source, node, detail))

    reading = VariantReading(file.names, types, tell)
    try:
        return reading.content_of(element)
    except ValueError as error:
        tell("undecodable-value", str(error))
        return {"type": None, "xml": canonical_xml(element)}
    finally:
        decoded.structures += reading.structures
