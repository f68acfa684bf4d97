"""All published models in one server, read back by a client over a socket: every attribute, value and reference."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from asyncua import Client, ua

from nodesets.built_in_types import NULL_TEXT, BuiltInType, LocalizedText, Variant
from nodesets.datatypes.binary import decode_variant
from nodesets.library import LibraryError, published
from nodesets.model import Model, read_model
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import (
    DataTypeNode,
    MethodNode,
    Node,
    ObjectNode,
    ReferenceTypeNode,
    TypeNode,
    VariableNode,
    VariableTypeNode,
    ViewNode,
)
from nodesets.resolver import resolve
from nodesets.type_definitions import definition_of
from server.access import Access, AccessSettings
from server.address_space.session_context import SessionContext
from server.ua_stack.stack import EndpointOptions, UaStack
from server.users.settings import UserSettings
from tests.nodeset_reading import Tree, same
from tests.nodeset_reading.agreement import value_tree
from tests.system.served_model import ServedModel, Told

IDS = ua.AttributeIds
KINDS = BuiltInType
_DOWN = {NodeName.standard(number) for number in (35, 46, 47)}
"""Organizes, HasProperty, HasComponent."""
_SAID_OTHERWISE = {
    (int(number), NodeName.standard(ua.ObjectIds.Server_ServerDiagnostics_EnabledFlag))
    for number in (IDS.AccessLevel, IDS.UserAccessLevel)
}
"""The file lets clients switch the diagnostics off, which the gateway does not."""
_AGGREGATE_FUNCTIONS = NodeName.standard(2997)
"""The server names there what it can calculate (Part 13 v1.05 4.2.2.3)."""


def test_the_corpus_is_found_right_with_the_library_behind_it(corpus: Path) -> None:
    files = sorted(file for file in (corpus / "nodesets").rglob("*.xml") if file.parent.name != "Schema")
    model = read_model(resolve(files))
    assert model.findings == ()
    assert {nodeset.file for nodeset in model.nodesets} > set(files)


async def test_all_published_models_are_served_as_their_files_say(tmp_path: Path, free_port: Callable[[], int]) -> None:
    try:
        library = published()
    except LibraryError as error:
        pytest.skip(str(error))
    files = [entries[0].file for uri, entries in library.items() if uri != STANDARD_NAMESPACE]
    model = await asyncio.to_thread(read_model, resolve(files))
    options = EndpointOptions(f"opc.tcp://127.0.0.1:{free_port()}", "all", "urn:test", ["None"], "0")
    stack = UaStack(options)
    assert await stack.prepare(model) == []
    everybody = AccessSettings("Observer", UserSettings(), {}, tmp_path)
    access = Access(stack, everybody, tmp_path, 1)
    await access.start()
    await stack.start()
    try:
        async with Client(stack.url, timeout=60) as client:
            for session in stack.internal.session_service.registry:  # one that may read everything
                session.context = session.view.context = SessionContext(mode=3)
            served = ServedModel(client, await client.get_namespace_array())
            assert [one async for one in _wrong_attributes(served, model)] == []
            assert [one async for one in _wrong_references(served, model)] == []
    finally:
        await stack.stop()
        await access.stop()


async def _wrong_attributes(served: ServedModel, model: Model) -> AsyncIterator[str]:
    server = _beneath(model, NodeName.standard(ua.ObjectIds.Server))
    expected = {
        (node.name, int(number)): value
        for node in model.nodes.values()
        for number, value in _attributes(node, model)
        if (number != IDS.Value or node.name not in server)  # these are the server's own to say
        and (number, node.name) not in _SAID_OTHERWISE
    }
    assert len(expected) > 700_000
    async for name, number, told in served.read(expected):
        value = decode_variant(told.variant, model.types, served.namespaces) if told.variant is not None else None
        wanted = expected[name, number]
        if told.status or value is None or not same(_plain(value), _plain(wanted)):
            yield f"{name} {IDS(number).name}: {value!r} (0x{told.status or 0:08X}), not {wanted!r}"


async def _wrong_references(served: ServedModel, model: Model) -> AsyncIterator[str]:
    expected = set(_references(model))
    told = {one async for one in served.references(model.nodes)}
    assert len(expected) > 400_000
    own = {"urn:test"}
    for one in told - expected:
        if one.target.namespace not in own and _AGGREGATE_FUNCTIONS not in (one.node, one.target):
            yield f"{one}: not in the files"
    for one in expected - told:
        yield f"{one}: not told"


def _attributes(node: Node, model: Model) -> Iterator[tuple[int, Variant]]:
    """Give what Part 3 v1.05 5 says that a client reads of a node."""
    yield IDS.NodeId, Variant(KINDS.NodeId, node.name)
    yield IDS.NodeClass, Variant(KINDS.Int32, int(node.node_class))
    yield IDS.BrowseName, Variant(KINDS.QualifiedName, node.browse_name)
    yield IDS.DisplayName, _text(node.display_name or (LocalizedText(None, node.browse_name.name),))
    if node.description:
        yield IDS.Description, _text(node.description)
    if isinstance(node, TypeNode):
        yield IDS.IsAbstract, Variant(KINDS.Boolean, node.is_abstract)
    yield from _of_class(node, model)


def _of_class(node: Node, model: Model) -> Iterator[tuple[int, Variant]]:
    match node:
        case VariableNode() | VariableTypeNode():
            yield from _of_variable(node)
        case ObjectNode():
            yield IDS.EventNotifier, Variant(KINDS.Byte, node.event_notifier)
        case MethodNode():
            yield IDS.Executable, Variant(KINDS.Boolean, node.executable)
        case ViewNode():
            yield IDS.ContainsNoLoops, Variant(KINDS.Boolean, node.contains_no_loops)
        case ReferenceTypeNode():
            yield IDS.Symmetric, Variant(KINDS.Boolean, node.symmetric)
            if node.inverse_name:
                yield IDS.InverseName, _text(node.inverse_name)
        case DataTypeNode():
            definition = definition_of(node, model.types)
            if definition is not None:
                yield IDS.DataTypeDefinition, definition
        case _:
            pass


def _of_variable(node: VariableNode | VariableTypeNode) -> Iterator[tuple[int, Variant]]:
    yield IDS.DataType, Variant(KINDS.NodeId, node.data_type)
    yield IDS.ValueRank, Variant(KINDS.Int32, node.value_rank)
    if node.array_dimensions:
        yield IDS.ArrayDimensions, Variant(KINDS.UInt32, node.array_dimensions)
    if node.value is not None:
        yield IDS.Value, node.value
    if isinstance(node, VariableNode):
        yield IDS.AccessLevel, Variant(KINDS.Byte, node.access_level & 0xFF)
        yield IDS.MinimumSamplingInterval, Variant(KINDS.Double, node.minimum_sampling_interval)
        yield IDS.Historizing, Variant(KINDS.Boolean, node.historizing)


def _plain(value: Variant) -> Tree:
    """Give a value for comparing: null and empty strings and arrays are equal (Part 6 v1.05 5.1.11)."""
    return [int(value.type), list(value.dimensions or ()), value_tree(value.value)]


def _beneath(model: Model, name: NodeName) -> set[NodeName]:
    found = {name}
    queue = [name]
    for one in queue:
        for kind, target, forward in model.nodes[one].references:
            if forward and kind in _DOWN and target not in found:
                found.add(target)
                queue.append(target)
    return found


def _text(texts: tuple[LocalizedText, ...]) -> Variant:
    return Variant(KINDS.LocalizedText, texts[0] if texts else NULL_TEXT)


def _references(model: Model) -> Iterator[Told]:
    """Give every reference as each of its ends has it (Part 4 v1.05 5.9.2.2: a symmetric one is forward at both)."""
    for node in model.nodes.values():
        for kind, target, forward in node.references:
            if target in model.nodes:
                reference_type = model.nodes[kind]
                symmetric = isinstance(reference_type, ReferenceTypeNode) and reference_type.symmetric
                yield Told(node.name, kind, target, forward or symmetric)
                yield Told(target, kind, node.name, not forward or symmetric)
