"""Values of a NodeSet2 file, ExtensionObjects by their descriptions (Part 6 v1.05 5.3.1.16, F.8)."""

from __future__ import annotations

from nodesets.built_in_types import NULL_NODE, EncodedStructure, Value, Variant
from nodesets.datatypes.binary import decode_structure
from nodesets.datatypes.defaults import NULL_VARIANT
from nodesets.datatypes.description import StructureDescription
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.datatypes.problems import DataTypeError, DecodingError, ValueProblem
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_built_in import read_node_id, read_typed
from nodesets.datatypes.xml_elements import Element, FileContext, canonical, children, local_name, text_of
from nodesets.datatypes.xml_reader import XmlReader
from nodesets.datatypes.xml_structures import plan_of, read_structure
from nodesets.datatypes.xml_texts import TextProblem, byte_string
from nodesets.names import NodeName


def read_value(
    element: Element,
    context: FileContext,
    registry: TypeRegistry,
    problems: list[ValueProblem],
) -> Variant:
    """Read the child of a NodeSet's ``Value``, or the ``Value`` itself; collect what is wrong in ``problems``.

    After a problem of severity ``error`` a scalar has its type's default, and an ExtensionObject is an
    :class:`EncodedStructure` with its XML.
    """
    reader = XmlReader(context, registry, problems, _extension_object)
    if local_name(element) != "Value":
        return read_typed(reader, element)
    nested = children(element)
    for one in nested[1:]:
        reader.tell(one, "Value has a second value", "write an array as one ListOf…")
    if nested:
        return read_typed(reader, nested[0])
    if text_of(element).strip():
        reader.tell(element, "Value has text where an element that says the type belongs", "write <String>…</String>")
    return NULL_VARIANT


def _extension_object(reader: XmlReader, element: Element) -> Value:
    parts = reader.parts(element, ("TypeId", "Body"))
    type_id = parts.get("TypeId")
    name = read_node_id(reader, type_id) if type_id is not None else NULL_NODE
    body = parts.get("Body")
    contents = children(body) if body is not None else []
    if not contents:
        if body is not None and text_of(body).strip():
            mend = "write the structure's element, or <ByteString>…</ByteString> around Base64"
            reader.tell(body, "Body has text where the structure's element belongs", mend)
        return None if name == NULL_NODE else EncodedStructure(name, None)
    if not reader.enter(element):
        return EncodedStructure(name, _kept(contents))
    errors, depth = reader.errors, reader.depth
    value = _body(reader, name, contents[0])
    for one in contents[1:]:
        reader.tell(one, "Body has a second element", "write one structure in each ExtensionObject")
    if reader.errors != errors:
        # The problems are told; what is kept is all that the file says, and nothing of it is lost.
        reader.errors = errors
        value = EncodedStructure(name, _kept(contents))
    reader.depth = depth - 1
    return value


def _kept(contents: list[Element]) -> str | bytes:
    """Give a body as the file has it: bytes where it is binary, else its XML."""
    if len(contents) == 1 and local_name(contents[0]) == "ByteString":
        try:
            return byte_string(text_of(contents[0]))
        except TextProblem:
            pass
    return "".join(canonical(one) for one in contents)


def _body(reader: XmlReader, name: NodeName, content: Element) -> Value:
    registry = reader.registry
    data_type = registry.data_type_of(name)
    is_binary = local_name(content) == "ByteString"
    if data_type is None:
        what = "no type" if name == NULL_NODE else f"the type {name}, which no loaded NodeSet has"
        reader.tell(
            content, f"the ExtensionObject has {what}", "add the NodeSet that defines it, or correct the TypeId"
        )
        return None
    try:
        plan = plan_of(registry, data_type)
        if is_binary:
            return _binary_body(reader, plan.described, content)
        if local_name(content) not in plan.names:
            problem = f"the body of the structure {plan.described.name} is called {local_name(content)}"
            reader.tell(content, problem, f"call it {plan.described.tag}", "warning")
        return read_structure(reader, content, plan)
    except DataTypeError as error:
        reader.tell(content, f"DataType {error.type_name}: {error.problem}", error.mend)
        return None


def _binary_body(reader: XmlReader, described: StructureDescription, content: Element) -> Value:
    try:
        data = byte_string(text_of(content))
        return decode_structure(data, described.type, reader.registry, ListedNamespaces(reader.context.namespaces))
    except (TextProblem, DecodingError) as error:
        problem = f"the binary body of the structure {described.name}: {error}"
        reader.tell(content, problem, "encode it by the structure's definition, or write it as XML")
        return None
