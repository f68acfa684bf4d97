"""Whether the configuration lets a node be written, whatever the model is like."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from operator import eq
from types import SimpleNamespace
from typing import Any, cast

import pytest
from asyncua import ua

from server.address_space.keys import numeric_key
from server.address_space.space import HIERARCHICAL_REFERENCES, AddressSpace
from server.pubsub.commands.method_port import MethodPort
from server.pubsub.commands.nodes import Nodes
from tests.unit.server.address_space.plant import key, node


class Nobody:
    def known(self, text: str) -> None:
        del text


def test_a_net_of_references_without_a_way_to_the_root_has_an_end() -> None:
    space = AddressSpace()
    levels = [(f"a{level}", f"b{level}") for level in range(60)]
    for name in (name for pair in levels for name in pair):
        space.add(node(name))
    for above, below in pairwise(levels):
        for source in above:
            for target in below:
                space.refer(key(source), HIERARCHICAL_REFERENCES, key(target))
    # 2 ** 59 ways up, and none to Root.
    assert not Nodes(space, Nobody(), ["/Objects/Line/*"]).is_allowed(key("a59"))


@pytest.mark.parametrize(("shared", "allowed"), [(False, True), (True, False)])
def test_a_method_that_objects_share_is_allowed_by_their_names_and_not_by_its_own(
    *, shared: bool, allowed: bool
) -> None:
    space, component = AddressSpace(), numeric_key(0, ua.ObjectIds.HasComponent)
    for name in ("one", "other", "start"):
        space.add(node(name))
    space.refer(key("one"), component, key("start"))
    if shared:
        space.refer(key("other"), component, key("start"))
    named = SimpleNamespace(is_allowed=partial(eq, key("start")))
    stack = SimpleNamespace(internal=SimpleNamespace(space=space))
    port = MethodPort(cast("Any", stack), cast("Any", None), cast("Any", named), cast("Any", None))
    may = port._is_allowed_alone(key("one"), key("start"))  # pyright: ignore[reportPrivateUsage] - a call needs a gateway
    assert may is allowed
    assert not port._is_allowed_alone(key("other"), key("start"))  # pyright: ignore[reportPrivateUsage] - as above
