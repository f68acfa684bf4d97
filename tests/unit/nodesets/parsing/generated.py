"""Any nodes at all, and their XML, written by another hand than the reader's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from nodesets.built_in_types import LocalizedText, QualifiedName
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import (
    DataTypeDefinition,
    DataTypeField,
    DataTypeNode,
    InstanceNode,
    MethodArgument,
    MethodNode,
    Node,
    ObjectNode,
    ObjectTypeNode,
    Reference,
    ReferenceTypeNode,
    RolePermission,
    Translation,
    TypeNode,
    VariableNode,
    VariableTypeNode,
    ViewNode,
)
from tests.unit.nodesets.written import OTHER, URI

NAMESPACES = (STANDARD_NAMESPACE, URI, OTHER)
UINT32 = 0xFFFF_FFFF
_TAGS: dict[type[Node], str] = {
    ObjectNode: "UAObject",
    VariableNode: "UAVariable",
    MethodNode: "UAMethod",
    ViewNode: "UAView",
    ObjectTypeNode: "UAObjectType",
    VariableTypeNode: "UAVariableType",
    DataTypeNode: "UADataType",
    ReferenceTypeNode: "UAReferenceType",
}
_ATTRIBUTES = {
    "write_mask": "WriteMask",
    "user_write_mask": "UserWriteMask",
    "access_restrictions": "AccessRestrictions",
    "has_no_permissions": "HasNoPermissions",
    "symbolic_name": "SymbolicName",
    "release_status": "ReleaseStatus",
    "design_tool_only": "DesignToolOnly",
    "parent": "ParentNodeId",
    "is_abstract": "IsAbstract",
    "event_notifier": "EventNotifier",
    "contains_no_loops": "ContainsNoLoops",
    "data_type": "DataType",
    "value_rank": "ValueRank",
    "array_dimensions": "ArrayDimensions",
    "access_level": "AccessLevel",
    "user_access_level": "UserAccessLevel",
    "minimum_sampling_interval": "MinimumSamplingInterval",
    "historizing": "Historizing",
    "executable": "Executable",
    "user_executable": "UserExecutable",
    "method_declaration": "MethodDeclarationId",
    "symmetric": "Symmetric",
    "purpose": "Purpose",
    "is_union": "IsUnion",
    "is_option_set": "IsOptionSet",
    "max_string_length": "MaxStringLength",
    "value": "Value",
    "is_optional": "IsOptional",
    "allow_subtypes": "AllowSubTypes",
}

# XML has no other control characters, and no line ends but LF (XML 1.0, 2.2 and 2.11).
_characters = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff") | st.sampled_from(
    "\t\n"
)
texts = st.text(_characters, max_size=12)
# Space around a NodeId is not of it.
_identifiers = st.text(_characters, min_size=1, max_size=8).filter(lambda text: text == text.strip())
_namespaces = st.sampled_from(NAMESPACES)
names = st.one_of(
    # from 1: i=0 in the standard namespace is the null NodeId (Part 3 v1.05 8.2.4)
    st.builds(NodeName, _namespaces, st.just("i"), st.integers(1, UINT32)),
    st.builds(NodeName, _namespaces, st.just("s"), _identifiers),
    st.builds(NodeName, _namespaces, st.just("g"), st.uuids()),
    st.builds(NodeName, _namespaces, st.just("b"), st.binary(min_size=1, max_size=8)),
)
qualified_names = st.builds(QualifiedName, _namespaces, texts.filter(bool))
_locales = st.none() | st.sampled_from(("en", "de-AT", "zh"))
localized_texts = st.lists(st.builds(LocalizedText, _locales, texts), max_size=3).map(tuple)
_ranks = st.integers(-3, 3)
_dimensions = st.lists(st.integers(0, UINT32), max_size=3).map(tuple)
_masks = st.integers(0, UINT32)
_references = st.lists(st.builds(Reference, names, names, st.booleans()), max_size=4).map(tuple)
_fields = st.builds(
    DataTypeField,
    name=texts,
    symbolic_name=st.none() | texts,
    display_name=localized_texts,
    description=localized_texts,
    data_type=names,
    value_rank=_ranks,
    array_dimensions=_dimensions,
    max_string_length=_masks,
    value=st.integers(-(2**63), 2**63 - 1),
    is_optional=st.booleans(),
    allow_subtypes=st.booleans(),
)
_definitions = st.builds(
    DataTypeDefinition,
    name=qualified_names,
    symbolic_name=st.none() | texts,
    is_union=st.booleans(),
    is_option_set=st.booleans(),
    fields=st.lists(_fields, max_size=3).map(tuple),
)
_COMMON = {
    "browse_name": qualified_names,
    "display_name": localized_texts,
    "description": localized_texts,
    "references": _references,
    "write_mask": _masks,
    "user_write_mask": _masks,
    "access_restrictions": st.none() | st.integers(0, 0xFFFF),
    "role_permissions": st.none() | st.lists(st.builds(RolePermission, names, _masks), max_size=2).map(tuple),
    "has_no_permissions": st.booleans(),
    "symbolic_name": st.none() | texts,
    "release_status": st.sampled_from(("Released", "Draft", "Deprecated")),
    "categories": st.lists(texts, max_size=2).map(tuple),
    "documentation": st.none() | texts,
    "design_tool_only": st.booleans(),
}
_INSTANCE = {**_COMMON, "parent": st.none() | names}
_TYPE = {**_COMMON, "is_abstract": st.booleans()}
_TYPED = {"data_type": names, "value_rank": _ranks, "array_dimensions": _dimensions}
_NOTIFIER = {"event_notifier": st.integers(0, 255)}
_VARIABLE = {
    **_INSTANCE,
    **_TYPED,
    "access_level": _masks,
    "user_access_level": _masks,
    "minimum_sampling_interval": st.floats(allow_nan=False, allow_infinity=False),
    "historizing": st.booleans(),
    "translations": st.lists(
        st.builds(
            Translation,
            localized_texts,
            st.lists(st.tuples(texts.filter(bool), localized_texts), max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
}
_METHOD = {
    **_INSTANCE,
    "executable": st.booleans(),
    "user_executable": st.booleans(),
    "method_declaration": st.none() | names,
    "arguments": st.lists(st.builds(MethodArgument, texts, localized_texts), max_size=2).map(tuple),
}
_DATA_TYPE = {
    **_TYPE,
    "definition": st.none() | _definitions,
    "purpose": st.sampled_from(("Normal", "ServicesOnly", "CodeGenerator")),
}


def nodes() -> st.SearchStrategy[list[Node]]:
    """Give nodes of all classes, each with a NodeId of its own."""

    def any_name(one: NodeName) -> st.SearchStrategy[Node]:
        return st.one_of(
            st.builds(ObjectNode, name=st.just(one), **_INSTANCE, **_NOTIFIER),
            st.builds(ViewNode, name=st.just(one), **_INSTANCE, **_NOTIFIER, contains_no_loops=st.booleans()),
            st.builds(VariableNode, name=st.just(one), **_VARIABLE),
            st.builds(MethodNode, name=st.just(one), **_METHOD),
            st.builds(ObjectTypeNode, name=st.just(one), **_TYPE),
            st.builds(VariableTypeNode, name=st.just(one), **_TYPE, **_TYPED),
            st.builds(DataTypeNode, name=st.just(one), **_DATA_TYPE),
            st.builds(
                ReferenceTypeNode, name=st.just(one), **_TYPE, symmetric=st.booleans(), inverse_name=localized_texts
            ),
        )

    return st.lists(names, unique=True, max_size=5).flatmap(lambda chosen: st.tuples(*map(any_name, chosen)).map(list))


def written(chosen: Iterable[Node]) -> str:
    """Write nodes as XML."""
    return "\n".join(_node(node) for node in chosen)


def _name(name: NodeName) -> str:
    local = str(NodeName(STANDARD_NAMESPACE, name.kind, name.identifier))
    return f"ns={NAMESPACES.index(name.namespace)};{local}" if name.namespace != STANDARD_NAMESPACE else local


def _browse_name(name: QualifiedName) -> str:
    return f"{NAMESPACES.index(name.namespace)}:{name.name}"


def _word(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case NodeName():
            return _name(value)
        case tuple():
            return ",".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - lengths
        case _:
            return str(value)


def _attribute(key: str, text: str) -> str:
    return f" {key}={quoteattr(text, {chr(10): '&#10;', chr(9): '&#9;'})}"


def _attributes(record: Node | DataTypeDefinition | DataTypeField) -> str:
    """Write the attributes that are not the schema's default."""
    found: list[str] = []
    for field in fields(record):
        key, value = _ATTRIBUTES.get(field.name), getattr(record, field.name)
        default = field.default if field.default is not MISSING else None
        if key is not None and value is not None and value != default:
            found.append(_attribute(key, _word(value)))
    return "".join(found)


def _localized(tag: str, values: Iterable[LocalizedText]) -> str:
    return "".join(
        f"<{tag}{_attribute('Locale', one.locale) if one.locale else ''}>{escape(one.text or '')}</{tag}>"
        for one in values
    )


def _plain(tag: str, values: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(one)}</{tag}>" for one in values)


def _node(node: Node) -> str:
    tag = _TAGS[type(node)]
    references = "".join(_reference(one) for one in node.references)
    body = _localized("DisplayName", node.display_name) + _localized("Description", node.description)
    body += _plain("Category", node.categories)
    body += _plain("Documentation", () if node.documentation is None else (node.documentation,))
    body += f"<References>{references}</References>" if references else ""
    if node.role_permissions is not None:
        roles = "".join(
            f'<RolePermission Permissions="{one.permissions}">{escape(_name(one.role))}</RolePermission>'
            for one in node.role_permissions
        )
        body += f"<RolePermissions>{roles}</RolePermissions>"
    body += _instance(node) if isinstance(node, InstanceNode) else _type(node) if isinstance(node, TypeNode) else ""
    identity = _attribute("NodeId", _name(node.name)) + _attribute("BrowseName", _browse_name(node.browse_name))
    return f"<{tag}{identity}{_attributes(node)}>{body}</{tag}>"


def _reference(reference: Reference) -> str:
    forward = "" if reference.forward else ' IsForward="false"'
    kind = _attribute("ReferenceType", _name(reference.type))
    return f"<Reference{kind}{forward}>{escape(_name(reference.target))}</Reference>"


def _instance(node: InstanceNode) -> str:
    if isinstance(node, MethodNode):
        return "".join(
            f"<ArgumentDescription>{_plain('Name', (one.name,))}{_localized('Description', one.descriptions)}"
            "</ArgumentDescription>"
            for one in node.arguments
        )
    if not isinstance(node, VariableNode):
        return ""
    return "".join(
        "<Translation>"
        + _localized("Text", one.texts)
        + "".join(f"<Field{_attribute('Name', name)}>{_localized('Text', told)}</Field>" for name, told in one.fields)
        + "</Translation>"
        for one in node.translations
    )


def _type(node: TypeNode) -> str:
    if isinstance(node, ReferenceTypeNode):
        return _localized("InverseName", node.inverse_name)
    if not isinstance(node, DataTypeNode) or node.definition is None:
        return ""
    written_fields = "".join(
        f"<Field{_attribute('Name', one.name)}{_attributes(one)}>"
        f"{_localized('DisplayName', one.display_name)}{_localized('Description', one.description)}</Field>"
        for one in node.definition.fields
    )
    name = _attribute("Name", _browse_name(node.definition.name))
    return f"<Definition{name}{_attributes(node.definition)}>{written_fields}</Definition>"
