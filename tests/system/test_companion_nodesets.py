"""Published companion models in one server, read back by a client over a socket."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from asyncua import Client, Server, ua

from nodesets.loader import load
from nodesets.names import NodeName
from nodesets.outline import NodeClass
from nodesets.resolver import PACKAGED_MODELS, resolve
from nodesets.ua_names import node_id
from nodesets.validation import validate

DEMO = Path(__file__).parents[2] / "server" / "demo" / "models" / "fillingline.NodeSet2.xml"
MACHINERY = NodeName("http://opcfoundation.org/UA/Machinery/", "i", 1001)
# What the corpus does not hold; the models that need it are told, and not loaded.
NOT_PUBLISHED_HERE = {
    "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/",
    "http://opcfoundation.org/UA/ECM/",
    "http://opcfoundation.org/UA/PADIM/",
    "http://opcfoundation.org/UA/Dictionary/IRDI",
}


def published(corpus: Path) -> list[Path]:
    return sorted(file for file in (corpus / "nodesets").rglob("*.xml") if file.parent.name != "Schema")


def test_no_published_file_is_found_wrong_but_for_models_that_are_not_here(corpus: Path) -> None:
    resolution = resolve(published(corpus))
    findings = validate(resolution)
    assert len(resolution.files) == 24
    assert resolution.missing == NOT_PUBLISHED_HERE
    assert all("requires the model" in finding.problem for finding in findings)


async def test_devices_industrial_automation_and_machinery_are_read_back_by_a_client(
    corpus: Path, free_port: Callable[[], int]
) -> None:
    machinery = corpus / "nodesets" / "Machinery" / "Opc.Ua.Machinery.NodeSet2.xml"
    resolution = resolve([machinery, DEMO, PACKAGED_MODELS / "plantspace.NodeSet2.xml"], [corpus / "nodesets"])
    server = Server()
    await server.init()
    url = f"opc.tcp://127.0.0.1:{free_port()}/"
    server.set_endpoint(url)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    loaded = await load(server, resolution)
    assert loaded.warnings == ()
    assert [file.name for file in loaded.files[:3]] == [
        "Opc.Ua.Di.NodeSet2.xml",
        "Opc.Ua.IA.NodeSet2.xml",
        "Opc.Ua.Machinery.NodeSet2.xml",
    ]
    try:
        async with server, Client(url) as client:
            namespaces = await client.get_namespace_array()
            assert namespaces == list(loaded.namespaces)
            folder = client.get_node(node_id(MACHINERY, namespaces))
            assert (await folder.read_browse_name()).Name == "Machines"
            for outline in loaded.outlines:
                names = [node_id(node.name, namespaces) for node in outline.nodes]
                nodes = [client.get_node(name) for name in names]
                shown = await client.read_attributes(nodes, ua.AttributeIds.BrowseName)
                for node, value in zip(outline.nodes, shown, strict=True):
                    assert value.Value is not None, node
                    assert value.Value.Value == ua.QualifiedName(
                        node.browse_name[1], ua.UInt16(namespaces.index(node.browse_name[0]))
                    )
                variables = [
                    (client.get_node(name), node)
                    for name, node in zip(names, outline.nodes, strict=True)
                    if node.node_class == NodeClass.VARIABLE
                ]
                values = await client.read_values([variable for variable, _ in variables])
                assert [
                    node.name
                    for (_, node), value in zip(variables, values, strict=True)
                    if node.has_value and value is None
                ] == []
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        *[("ADI", 0), ("AutoID", 0), ("CNC", 0), ("FDI", 0), ("GDS", 0), ("IOLink", 0), ("POWERLINK", 0)],
        *[("PackML", 0), ("Robotics", 0), ("Scheduler", 0), ("WoT", 0), ("Safety", 0), ("BACnet", 7)],
        ("Machinery/Result", 3),
    ],
)
async def test_every_published_model_loads_with_all_its_nodes_and_references(
    corpus: Path, name: str, lost: int
) -> None:
    """``lost`` is the number of values that asyncua cannot decode; each is told."""
    files = sorted((corpus / "nodesets" / name).glob("*.xml"))
    server = Server()
    await server.init()
    try:
        loaded = await load(server, resolve(files, [corpus / "nodesets"]))
        assert len(loaded.warnings) == lost
        assert all("value cannot be read" in warning.problem for warning in loaded.warnings)
        space = server.iserver.aspace
        for outline in loaded.outlines:
            for node in outline.nodes:
                there = {
                    (ref.ReferenceTypeId, ref.NodeId, ref.IsForward)
                    for ref in space[node_id(node.name, loaded.namespaces)].references
                }
                for ref in node.references:
                    kind, target = node_id(ref.type, loaded.namespaces), node_id(ref.target, loaded.namespaces)
                    assert (kind, target, ref.forward) in there
    finally:
        await server.stop()
