from __future__ import annotations

from nodesets.built_in_types import LocalizedText
from server.address_space.node import BrowseName
from server.address_space.view.records import ReferenceRecords
from server.address_space.view.request import Wanted
from server.address_space.view.view_service import ViewService
from tests.unit.server.address_space.view.graph import COMPONENT, OBJECTS, folder
from tests.unit.server.address_space.view.peer import Peer

CHILDREN = Wanted(OBJECTS, reference_type=COMPONENT)


async def test_a_change_of_a_node_is_seen_at_once() -> None:
    space = folder(3)
    peer = Peer(ViewService(space))
    await peer.browse(CHILDREN)
    node = space[2, "tag1"]
    node.browse_name, node.display_name = BrowseName(5, "new"), (LocalizedText("de", "neu"),)
    space.changed(node)
    (result,) = await peer.browse(CHILDREN)
    told = result.References[1]
    assert (told.BrowseName.NamespaceIndex, told.BrowseName.Name, told.DisplayName.Text) == (5, "new", "neu")
    assert result.References[0].BrowseName.Name == "tag0"


def test_what_is_kept_is_bounded() -> None:
    space = folder(200)
    records = ReferenceRecords(space, kept_bytes=10_000)
    links = [link for link in space[OBJECTS].forward if link[0] == COMPONENT]
    whole: list[bytes] = []
    ReferenceRecords(space).describe(CHILDREN, (), links, whole, forward=True)
    for languages in range(200):
        again: list[bytes] = []
        records.describe(CHILDREN, (f"l{languages}",), links, again, forward=True)
        assert again == whole
        assert records.kept_bytes <= 10_000
        assert len(records._tails) <= 65


def test_a_part_is_encoded_once() -> None:
    space = folder(2)
    records = ReferenceRecords(space)
    links = [link for link in space[OBJECTS].forward if link[0] == COMPONENT]
    first: list[bytes] = []
    second: list[bytes] = []
    records.describe(CHILDREN, (), links, first, forward=True)
    records.describe(CHILDREN, (), links, second, forward=True)
    assert all(one is other for one, other in zip(first, second, strict=True))
