from __future__ import annotations

from collections.abc import Sequence

from server.address_space.node import BrowseName, Link
from server.address_space.space import AddressSpace
from server.address_space.view.name_index import NameIndex
from server.address_space.view.steps import at_once
from tests.unit.server.address_space.view.graph import COMPONENT, OBJECTS, folder


def look(index: NameIndex, space: AddressSpace, name: str) -> Sequence[Link]:
    return at_once(index.named(space[OBJECTS], BrowseName(2, name), inverse=False, spend=lambda _: None))


def test_an_index_that_a_change_overtook_is_not_kept() -> None:
    space = folder(100)
    index = NameIndex(space)
    slow = index.named(space[OBJECTS], BrowseName(2, "tag1"), inverse=False, spend=lambda _: None)
    next(slow)
    space[2, "tag1"].browse_name = BrowseName(2, "renamed")
    space.changed(space[2, "tag1"])
    assert at_once(index.named(space[2, "tag1"], BrowseName(2, "x"), inverse=True, spend=lambda _: None)) == []
    at_once(
        index.named(space[63], BrowseName(2, "x"), inverse=True, spend=lambda _: None)
    )  # another list, in the new version
    at_once(slow)
    assert look(index, space, "tag1") == []
    assert look(index, space, "renamed") == [(COMPONENT, (2, "tag1"))]


def test_what_is_kept_is_bounded() -> None:
    space = folder(100)
    index = NameIndex(space, kept_references=150)
    for _ in range(3):
        assert look(index, space, "tag7") == [(COMPONENT, (2, "tag7"))]
        at_once(index.named(space[63], BrowseName(2, "tag7"), inverse=True, spend=lambda _: None))
        assert len(index._known) == 1
