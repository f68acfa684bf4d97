"""The elements in front of a file's nodes: namespaces, models, aliases (Part 6 v1.05 F.2 to F.5)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from lxml import etree

from nodesets.exporting.elements import extensions, part, role_permissions, top
from nodesets.exporting.export import Export, ExportedModel, ExportError
from nodesets.exporting.indenting import indent
from nodesets.exporting.texts import TextWriter, moment
from nodesets.names import NodeName
from nodesets.parsing.elements import Element


def tables(
    export: Export, namespaces: Collection[str], aliases: Mapping[NodeName, str], texts: TextWriter
) -> Iterator[Element]:
    """Give the tables that are not empty, indented. Raises :class:`ExportError` for what XML cannot say."""
    try:
        for table in (
            _uris("NamespaceUris", tuple(namespaces)[1:]),
            _uris("ServerUris", export.server_uris),
            _models(export.models, texts),
            _aliases(aliases, texts),
            extensions(top("UANodeSet"), export.extensions),
        ):
            if table is not None and len(table):
                indent(table, 1)
                yield table
    except (ValueError, etree.XMLSyntaxError) as error:
        message = f"what stands in front of the nodes cannot be written: {error}"
        raise ExportError(message) from error


def _uris(tag: str, uris: Collection[str]) -> Element:
    table = top(tag)
    for uri in uris:
        part(table, "Uri").text = uri
    return table


def _models(models: Collection[ExportedModel], texts: TextWriter) -> Element:
    table = top("Models")
    for one in models:
        model = part(table, "Model")
        restrictions = str(one.access_restrictions or "")
        _set(model, ModelUri=one.uri, XmlSchemaUri=one.xml_schema_uri, Version=one.version)
        _set(model, PublicationDate=_date(one.published), ModelVersion=one.model_version)
        _set(model, AccessRestrictions=restrictions)
        if one.role_permissions:
            role_permissions(model, one.role_permissions, texts)
        for need in one.required:
            required = part(model, "RequiredModel")
            _set(required, ModelUri=need.uri, Version=need.version, PublicationDate=_date(need.published))
            _set(required, ModelVersion=need.model_version)
    return table


def _aliases(aliases: Mapping[NodeName, str], texts: TextWriter) -> Element:
    table = top("Aliases")
    for name, text in aliases.items():
        alias = part(table, "Alias")
        alias.set("Alias", text)
        alias.text = texts.node(name)
    return table


def _date(date: datetime | None) -> str:
    return moment(date) if date is not None else ""


def _set(element: Element, **texts: str) -> None:
    """Set the attributes that are not empty."""
    for key, text in texts.items():
        if text:
            element.set(key, text)
