"""Monitored items whose session's rights change (Part 4 v1.05 5.13.2.1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncua import ua

from core.datatypes import DataType
from server.address_space.keys import key_of
from server.address_space.node import AccessAttributes, RolePermission
from server.address_space.session_context import SessionContext
from server.users.well_known import WELL_KNOWN
from tests.unit.server.subscriptions.endpoint import Endpoint, endpoint, monitoring, request
from tests.unit.server.subscriptions.ua_service import Client

OPERATOR, OBSERVER = WELL_KNOWN["Operator"], WELL_KNOWN["Observer"]
DENIED = int(ua.StatusCodes.BadUserAccessDenied)
AS_OPERATOR, AS_OBSERVER = (SessionContext(roles=frozenset((role,))) for role in (OPERATOR, OBSERVER))
TYPES = [DataType.DOUBLE, DataType.STRING, DataType.INT32]


@pytest.fixture
async def plant() -> AsyncIterator[Endpoint]:
    async with endpoint(TYPES) as held:
        for slot in range(len(TYPES)):
            node = held.plain.items._notifiers.space[key_of(held.node(slot))]  # pyright: ignore[reportPrivateUsage] - the endpoint keeps none
            node.access = AccessAttributes(0, None, (RolePermission(OBSERVER, 0x1), RolePermission(OPERATOR, 0x21)))
        held.put({0: 1.5, 1: "one", 2: 1})
        yield held


def become(plant: Endpoint, context: SessionContext) -> None:
    plant.client.context = context
    plant.plain.rights_changed(plant.client)


async def told(plant: Endpoint, subscription: Any) -> list[tuple[int, Any, int]]:
    return [(one.handle, one.value, one.status) for one in await plant.publish(subscription)]


@pytest.mark.parametrize("more", [{}, {"sampling": 500.0}], ids=["changes", "sampled"])
async def test_an_item_says_once_that_it_may_not_be_read_and_goes_on_when_it_may(
    plant: Endpoint, more: dict[str, Any]
) -> None:
    plant.client.context = AS_OBSERVER
    subscription = await plant.subscribe()
    await plant.monitor(subscription, *(request(slot, slot, **more) for slot in range(3)))
    assert sorted(await told(plant, subscription)) == [(slot, None, DENIED) for slot in range(3)]
    plant.put({0: 2.5, 1: "two", 2: 2})
    plant.clock.tick(0.5)
    assert await told(plant, subscription) == []
    become(plant, AS_OPERATOR)
    assert sorted(await told(plant, subscription)) == [(0, 2.5, 0), (1, "two", 0), (2, 2, 0)]
    plant.put({0: 3.5, 1: "three", 2: 3})
    plant.clock.tick(0.5)
    become(plant, AS_OBSERVER)
    assert sorted(await told(plant, subscription)) == [(slot, None, DENIED) for slot in range(3)], "nothing that waited"
    become(plant, AS_OBSERVER)
    assert await told(plant, subscription) == [], "it is said once"


async def test_other_parameters_and_modes_give_no_rights(plant: Endpoint) -> None:
    plant.client.context = AS_OBSERVER
    subscription = await plant.subscribe()
    made = await plant.monitor(subscription, request(0, 0), request(2, 2, mode=0))
    plain, disabled = (one.MonitoredItemId for one in made)
    assert await told(plant, subscription) == [(0, None, DENIED)]
    items = plant.plain.items
    items.set_mode(subscription, 2, [disabled])
    assert await told(plant, subscription) == [(2, None, DENIED)]
    items.resend(subscription)
    items.set_mode(subscription, 0, [plain])
    items.set_mode(subscription, 2, [plain])
    assert await told(plant, subscription) == [(0, None, DENIED)]
    params = ua.ModifyMonitoredItemsParameters()
    params.SubscriptionId, params.TimestampsToReturn = subscription.id, ua.TimestampsToReturn.Both
    changed = ua.MonitoredItemModifyRequest()
    changed.MonitoredItemId, changed.RequestedParameters = plain, monitoring(9, sampling=500.0)
    params.ItemsToModify = [changed]
    (modified,) = await plant.service.modify_monitored_items(params)
    assert modified.StatusCode.is_good()
    plant.put({0: 8.5, 2: 8})
    plant.clock.tick(0.5)
    assert await told(plant, subscription) == []
    become(plant, AS_OPERATOR)
    assert sorted(await told(plant, subscription)) == [(2, 8, 0), (9, 8.5, 0)]


async def test_what_may_not_be_browsed_is_not_there(plant: Endpoint) -> None:
    plant.client.context = SessionContext(roles=frozenset((WELL_KNOWN["Anonymous"],)))
    subscription = await plant.subscribe()
    events = request(1, 1, attribute=ua.AttributeIds.EventNotifier)
    answers = await plant.monitor(
        subscription, request(0, 0), events, request(0, 2, attribute=ua.AttributeIds.BrowseName)
    )
    assert {one.StatusCode.name for one in answers} == {"BadNodeIdUnknown"}
    assert plant.plain.items.count == 0


async def test_other_attributes_follow_the_rights_too(plant: Endpoint) -> None:
    plant.client.context = AS_OBSERVER
    subscription = await plant.subscribe()
    await plant.monitor(subscription, request(0, 0, attribute=ua.AttributeIds.UserAccessLevel, sampling=100.0))
    assert await told(plant, subscription) == [(0, 0, 0)]
    become(plant, AS_OPERATOR)
    assert await told(plant, subscription) == [(0, 1, 0)]
    become(plant, SessionContext(roles=frozenset()))
    assert await told(plant, subscription) == [(0, None, int(ua.StatusCodes.BadNodeIdUnknown))]


async def test_another_session_has_its_own_rights(plant: Endpoint) -> None:
    """Part 4 v1.05 5.14.7: a subscription goes on with the rights of the session that takes it over."""
    plant.client.context = AS_OPERATOR
    subscription = await plant.subscribe()
    await plant.monitor(subscription, request(0, 0))
    other = Client(context=AS_OBSERVER)
    (moved,) = plant.plain.transfer(other, [subscription.id], send_initial_values=True)
    assert moved.status == 0
    assert await told(plant, subscription) == [(0, None, DENIED)], "what waited is not the other one's to see"


async def test_other_roles_count_for_all_items_at_once(plant: Endpoint) -> None:
    plant.client.context = AS_OPERATOR
    subscription = await plant.subscribe()
    await plant.monitor(subscription, request(0, 0))
    assert await told(plant, subscription) == [(0, 1.5, 0)]
    space = plant.plain.items._notifiers.space  # pyright: ignore[reportPrivateUsage] - the endpoint keeps none
    space[key_of(plant.node(0))].access = None
    space.rights.use({OPERATOR: 0x1})
    assert await told(plant, subscription) == [(0, None, DENIED)]
    space.rights.use({OPERATOR: 0x21})
    assert await told(plant, subscription) == [(0, 1.5, 0)]
