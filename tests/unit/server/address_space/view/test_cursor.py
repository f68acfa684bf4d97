from __future__ import annotations

import pytest

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey
from server.address_space.view.request import ViewWanted, Wanted
from server.address_space.view.view_service import ViewService
from tests.unit.server.address_space.view.graph import (
    COMPONENT,
    CONNECTED,
    OBJECTS,
    ORGANIZES,
    VARIABLE_TYPE,
    Row,
    add,
    bare_space,
    folder,
)
from tests.unit.server.address_space.view.peer import Peer, rows

LEFT: NodeKey = (2, "left")
RIGHT: NodeKey = (2, "right")


@pytest.mark.parametrize("written_at_both_ends", [False, True])
@pytest.mark.parametrize("asked", [0, CONNECTED])
async def test_a_symmetric_reference_is_forward_from_both_ends_and_told_once(
    asked: NodeKey, *, written_at_both_ends: bool
) -> None:  # Part 4 v1.05 5.9.2.2
    space = bare_space()
    for key in (LEFT, RIGHT):
        add(space, key, NodeClass.OBJECT, "one")
    space.refer(LEFT, CONNECTED, RIGHT)
    if written_at_both_ends:
        space.refer(RIGHT, CONNECTED, LEFT)
    peer = Peer(ViewService(space))
    for source, target in ((LEFT, RIGHT), (RIGHT, LEFT)):
        forward, inverse, both = await peer.browse(*[Wanted(source, direction, asked) for direction in (0, 1, 2)])
        assert rows(forward) == rows(both) == [Row(CONNECTED, True, target)]  # noqa: FBT003 - as browsed
        assert rows(inverse) == []


async def test_the_instances_of_a_type_may_change_while_they_are_browsed() -> None:
    space = folder(600)
    peer = Peer(ViewService(space))
    instances = Wanted(VARIABLE_TYPE, 1, 40)
    (result,) = await peer.browse(instances, most=300)
    told = rows(result)
    space.unrefer((2, "tag2"), 40, VARIABLE_TYPE)  # told already: what comes after it must not move up
    space.remove((2, "tag1"))
    space.remove((2, "tag400"))
    space.unrefer((2, "tag500"), 40, VARIABLE_TYPE)
    add(space, (2, "new"), NodeClass.VARIABLE, "new")
    space.refer((2, "new"), 40, VARIABLE_TYPE)
    (result,) = await peer.browse_next(result.ContinuationPoint)
    told += rows(result)
    gone = {400, 500}
    assert [row.target for row in told] == [(2, f"tag{number}") for number in range(600) if number not in gone]


async def test_what_leaves_a_view_is_not_told_in_it_any_more() -> None:
    space = folder(4)
    view: NodeKey = (2, "view")
    add(space, view, NodeClass.VIEW, "view")
    for number in range(4):
        space.refer(view, ORGANIZES, (2, f"tag{number}"))
    peer = Peer(ViewService(space))
    space.refer((2, "tag0"), CONNECTED, (2, "tag1"))
    space.refer((2, "tag0"), CONNECTED, (2, "tag2"))
    space.refer((2, "tag0"), CONNECTED, (2, "tag3"))
    (result,) = await peer.browse(Wanted((2, "tag0"), reference_type=CONNECTED), most=1, view=ViewWanted(view))
    space.unrefer(view, ORGANIZES, (2, "tag2"))
    (result,) = await peer.browse_next(result.ContinuationPoint)
    assert [row.target for row in rows(result)] == [(2, "tag3")]


async def test_all_pages_of_a_folder_without_what_is_filtered() -> None:
    space = folder(700)
    for number in range(0, 700, 7):
        space.unrefer(OBJECTS, COMPONENT, (2, f"tag{number}"))
        space.refer(OBJECTS, ORGANIZES, (2, f"tag{number}"))
    pages = await Peer(ViewService(space)).all_rows(Wanted(OBJECTS, reference_type=ORGANIZES), 30)
    assert [len(page) for page in pages] == [30, 30, 30, 10]
