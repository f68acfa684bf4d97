"""A binding's deadband holds for every item, however it samples and filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from core.datatypes import DataType
from server.subscriptions.subscription import Subscription
from tests.unit.server.subscriptions.endpoint import Endpoint, endpoint, request

BY_STATUS_VALUE_TIMESTAMP = 2
SLOW = 5.0


@pytest.mark.parametrize("datatype", [DataType.DOUBLE, DataType.INT32])
@pytest.mark.parametrize("sampling", [0.0, SLOW * 1000])
@pytest.mark.parametrize("filtered", [None, 1.0, 4.0])
async def test_what_is_not_beyond_the_bindings_deadband_is_no_change(
    datatype: DataType, sampling: float, filtered: float | None
) -> None:
    # the client's own deadband (Part 4 v1.05 7.22.2) can only thin out further
    async with endpoint([datatype], deadbands={0: 2.0}) as made:
        subscription = await made.subscribe()
        more: dict[str, Any] = {} if filtered is None else {"deadband": filtered}
        await made.monitor(subscription, request(0, 7, sampling=sampling, **more))
        values = [_typed(datatype, value) for value in (10, 11, 12, 13, 14, 15, 16, 18)]
        assert await _told(made, subscription, values) == _expected(values, max(2.0, filtered or 0.0))


async def test_without_a_deadband_every_difference_is_told() -> None:
    async with endpoint([DataType.DOUBLE]) as made:
        subscription = await made.subscribe()
        await made.monitor(subscription, request(0, 7, sampling=SLOW * 1000))
        assert await _told(made, subscription, [1.0, 1.5, 2.0]) == [1.0, 1.5, 2.0]


async def test_a_new_status_is_told_within_the_deadband() -> None:
    async with endpoint([DataType.DOUBLE], deadbands={0: 2.0}) as made:
        subscription = await made.subscribe()
        await made.monitor(subscription, request(0, 7, sampling=SLOW * 1000))
        await _told(made, subscription, [10.0])
        made.put({0: 10.5}, 0x40000000)
        made.clock.tick(SLOW)
        (one,) = await made.publish(subscription)
        assert (one.value, one.status) == (10.5, 0x40000000)


async def test_a_filter_by_timestamp_tells_each_sample() -> None:
    # Part 4 v1.05 7.22.2: DataChangeTrigger STATUS_VALUE_TIMESTAMP asks for that very thing
    async with endpoint([DataType.DOUBLE], deadbands={0: 2.0}) as made:
        subscription = await made.subscribe()
        await made.monitor(subscription, request(0, 7, trigger=BY_STATUS_VALUE_TIMESTAMP))
        assert await _told(made, subscription, [10.0, 10.5, 11.0]) == [10.0, 10.5, 11.0]


def _typed(datatype: DataType, value: int) -> float | int:
    return float(value) if datatype is DataType.DOUBLE else value


def _expected(values: list[float | int], deadband: float) -> list[float | int]:
    told = values[:1]
    for value in values:
        if abs(value - told[-1]) > deadband:
            told.append(value)
    return told


async def _told(made: Endpoint, subscription: Subscription, values: Sequence[float | int]) -> list[float | int]:
    """Put values one after the other, sampling after each, and give those that are reported with Good status."""
    for value in values:
        made.put({0: value})
        made.clock.tick(SLOW)
    return [one.value for one in await made.publish(subscription) if one.status == 0]
