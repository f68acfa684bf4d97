"""What stands before the nodes: tables of URIs and aliases, and the models (Part 6 v1.05 F.2)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

from tests.nodeset_reading import lexical
from tests.nodeset_reading.identifiers import Names
from tests.nodeset_reading.records import Model
from tests.nodeset_reading.xml_text import child, children, local_name, text_of

Tell = Callable[[str, str], None]

_MODEL_ATTRIBUTES = {"ModelUri", "XmlSchemaUri", "Version", "PublicationDate", "ModelVersion", "AccessRestrictions"}


def read_names(root: ET.Element, tell: Tell) -> Names:
    """Tables of the file; index 0 is the OPC UA namespace and this server, the first listed URI is 1."""
    names = Names()
    names.namespaces += [text_of(uri).strip() for uri in children(root, "NamespaceUris")]
    names.servers += [text_of(uri).strip() for uri in children(root, "ServerUris")]
    for alias in children(root, "Aliases"):
        name, target = alias.get("Alias", "").strip(), text_of(alias).strip()
        if names.aliases.setdefault(name, target) != target:
            tell("alias-twice", f"{name}: {names.aliases[name]} counts, {target} does not")
    return names


def read_models(root: ET.Element, names: Names, tell: Tell) -> tuple[Model, ...]:
    """Every ModelTableEntry with what it requires. Raises ValueError for what cannot be read."""
    return tuple(_model(entry, names, tell) for entry in children(root, "Models"))


def _model(entry: ET.Element, names: Names, tell: Tell) -> Model:
    for name in entry.attrib.keys() - _MODEL_ATTRIBUTES:
        tell("unknown-attribute", f"{name}={entry.attrib[name]!r} of a Model")
    return Model(
        model_uri=entry.get("ModelUri", ""),
        xml_schema_uri=entry.get("XmlSchemaUri"),
        version=entry.get("Version"),
        publication_date=read_time(entry.get("PublicationDate"), tell),
        model_version=entry.get("ModelVersion"),
        access_restrictions=lexical.integer(entry.get("AccessRestrictions", "0"), "UInt16"),  # xs default 0
        role_permissions=read_role_permissions(entry, names),
        required_models=tuple(_model(each, names, tell) for each in entry if local_name(each) == "RequiredModel"),
    )


def read_time(text: str | None, tell: Tell) -> int | None:
    """Ticks of an optional xs:dateTime attribute."""
    if text is None:
        return None
    ticks = lexical.date_time(text)
    if not lexical.has_zone(text):
        tell("date-without-zone", text)
    return ticks


def read_role_permissions(element: ET.Element, names: Names) -> tuple[tuple[str, int], ...] | None:
    """(role NodeId, permissions), Permissions 0 by default; None where the element has no RolePermissions."""
    table = child(element, "RolePermissions")
    if table is None:
        return None
    return tuple(
        (names.resolve(text_of(each)), lexical.integer(each.get("Permissions", "0"), "UInt32")) for each in table
    )
