"""A subscriber that only counts: sessions by asyncua's client, Publish answers taken apart with numpy.

``python -m bench.subscriber URL WANTED`` (:class:`Wanted` as JSON) prints JSON: values, values lost (each item's value
must go up by one), those of a form that is not looked into, seconds, and what creating the items took.
"""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from asyncua import Client, ua

from bench.identity import connected

_DATA_CHANGE = 811
_VALUE = {"Float": "<f4", "Double": "<f8"}
_ITEMS_A_CALL = 5000
_PUBLISH_REQUESTS = 4
_PERIOD = 1_000_000


@dataclass(slots=True)
class Tally:
    """What came in. ``last``: float64[count], each item's last value."""

    last: npt.NDArray[np.float64]
    values: int = 0
    lost: int = 0
    unverified: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    worst_gap: float = 0.0
    """Seconds between two answers with values."""
    acknowledge: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


class Counter:
    """Reads PublishResponses and counts."""

    def __init__(self, count: int, datatype: str) -> None:
        """Expect ``count`` items of one data type with client handles from 0."""
        self.tally = Tally(np.full(count, np.nan))
        fields = [("handle", "<u4"), ("mask", "u1"), ("type", "u1"), ("value", _VALUE.get(datatype, "<f8"))]
        self._record = np.dtype([*fields, ("source", "<i8"), ("server", "<i8")])

    def take(self, body: bytes) -> None:
        """Take one PublishResponse (Part 6 v1.05 5.2), from its type id on."""
        at = 4 + 8 + 4
        (result,) = struct.unpack_from("<I", body, at)
        if result:
            message = f"the Publish answer is 0x{result:08X}"
            raise RuntimeError(message)
        at += 4 + 1
        (strings,) = struct.unpack_from("<i", body, at)
        if strings > 0:
            message = "a string table is not expected"
            raise RuntimeError(message)
        at += 4 + 3
        (subscription, numbers) = struct.unpack_from("<Ii", body, at)
        at += 8 + 4 * max(numbers, 0) + 1
        (sequence, _, parts) = struct.unpack_from("<Iqi", body, at)
        at += 16
        if parts > 0:
            self.tally.acknowledge.append((subscription, sequence))
        for _ in range(max(parts, 0)):
            (_, _, kind, _, length) = struct.unpack_from("<BBHBi", body, at)
            at += 9
            if kind == _DATA_CHANGE:
                self._count(body, at, length)
            at += length

    def _count(self, body: bytes, at: int, length: int) -> None:
        (count,) = struct.unpack_from("<i", body, at)
        if length != 8 + count * self._record.itemsize:
            # Records of another form (other timestamps, a StatusCode): counted, their values not looked at.
            self.tally.unverified += count
            self._counted(count)
            return
        records = np.frombuffer(body, self._record, count, at + 4)
        tally = self.tally
        order = np.argsort(records["handle"], kind="stable")
        handles, values = records["handle"][order], records["value"][order].astype(np.float64)
        new = np.r_[True, handles[1:] != handles[:-1]]
        before = np.where(new, tally.last[handles], np.r_[0.0, values[:-1]])
        steps = (values - before) % _PERIOD
        known = ~np.isnan(before)
        tally.lost += int((steps[known] - 1).sum())
        ends = np.r_[new[1:], True]
        tally.last[handles[ends]] = values[ends]
        self._counted(count)

    def _counted(self, count: int) -> None:
        tally = self.tally
        tally.values += count
        moment = time.monotonic()
        if tally.last_at:
            tally.worst_gap = max(tally.worst_gap, moment - tally.last_at)
        tally.last_at = moment
        tally.first_at = tally.first_at or tally.last_at


@dataclass(slots=True)
class Wanted:
    """What to subscribe to: ``groups`` of (node prefix, count, data type); times in milliseconds.

    Only values of a single group that is Double or Float are looked into; others are counted.
    """

    groups: list[tuple[str, int, str]]
    seconds: float
    publishing: float = 100.0
    sampling: float = 0.0
    queue: int = 100
    deadband: float = 0.0
    clients: int = 1
    publish: bool = True
    """False: items are made and held, nothing is published."""
    identity: str = ""
    """Folder with certificate and key (:mod:`bench.identity`), for Basic256Sha256 with SignAndEncrypt; empty: None."""


async def _create(client: Client, wanted: Wanted) -> tuple[int, float]:
    """Create a subscription and its items; give its id and the seconds that the items took."""
    protocol: Any = client.uaclient.protocol  # asyncua's transport, used below its client's own publish loop
    request = ua.CreateSubscriptionRequest()
    request.Parameters.RequestedPublishingInterval = wanted.publishing
    request.Parameters.RequestedLifetimeCount, request.Parameters.RequestedMaxKeepAliveCount = 3000, 100
    request.Parameters.PublishingEnabled = wanted.publish
    created = ua.ua_binary.struct_from_binary(ua.CreateSubscriptionResponse, await protocol.send_request(request))
    subscription = created.Parameters.SubscriptionId
    seconds, handle = 0.0, 0
    for prefix, count, _ in wanted.groups:
        uri, identifier = prefix.removeprefix("nsu=").split(";s=")
        index = await client.get_namespace_index(uri)
        for begin in range(0, count, _ITEMS_A_CALL):
            items = ua.CreateMonitoredItemsRequest()
            items.Parameters.SubscriptionId = subscription
            items.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            for number in range(begin, min(begin + _ITEMS_A_CALL, count)):
                items.Parameters.ItemsToCreate.append(_item(ua.NodeId(f"{identifier}{number}", index), handle, wanted))
                handle += 1
            began = time.monotonic()
            data = await protocol.send_request(items, timeout=120)
            seconds += time.monotonic() - began
            answer = ua.ua_binary.struct_from_binary(ua.CreateMonitoredItemsResponse, data)
            for result in answer.Results:
                result.StatusCode.check()
    return subscription, seconds


def _item(node: ua.NodeId, handle: int, wanted: Wanted) -> ua.MonitoredItemCreateRequest:
    item = ua.MonitoredItemCreateRequest()
    item.ItemToMonitor.NodeId = node
    item.ItemToMonitor.AttributeId = ua.AttributeIds.Value
    item.MonitoringMode = ua.MonitoringMode.Reporting
    item.RequestedParameters.ClientHandle = handle
    item.RequestedParameters.SamplingInterval = wanted.sampling
    item.RequestedParameters.QueueSize = wanted.queue
    if wanted.deadband:
        item.RequestedParameters.Filter = ua.DataChangeFilter(
            Trigger=ua.DataChangeTrigger.StatusValue, DeadbandType=1, DeadbandValue=wanted.deadband
        )
    return item


async def _subscribe(url: str, wanted: Wanted) -> dict[str, Any]:
    counter = Counter(sum(count for _, count, _ in wanted.groups), wanted.groups[0][2])
    async with await connected(url, wanted.identity, timeout=60) as client:
        subscription, created = await _create(client, wanted)
        protocol: Any = client.uaclient.protocol  # as above
        deadline = time.monotonic() + wanted.seconds

        async def publish() -> None:
            while time.monotonic() < deadline:
                request = ua.PublishRequest()
                taken, counter.tally.acknowledge = counter.tally.acknowledge, []
                for held, sequence in taken:
                    ack = ua.SubscriptionAcknowledgement()
                    ack.SubscriptionId, ack.SequenceNumber = held, sequence
                    request.Parameters.SubscriptionAcknowledgements.append(ack)
                body = await protocol.send_request(request, timeout=60)
                counter.take(bytes(body))

        if wanted.publish:
            await asyncio.gather(*(publish() for _ in range(_PUBLISH_REQUESTS)))
        else:
            await asyncio.sleep(wanted.seconds)
        await client.uaclient.delete_subscriptions([subscription])
    tally = counter.tally
    elapsed = tally.last_at - tally.first_at
    return {
        "values": tally.values,
        "lost": tally.lost,
        "unverified": tally.unverified,
        "seconds": elapsed,
        "values_per_second": tally.values / elapsed if elapsed else 0.0,
        "create_seconds": created,
        "worst_gap": tally.worst_gap,
    }


async def subscribe(url: str, wanted: Wanted) -> dict[str, Any]:
    """Run all clients and sum up what they counted."""
    each = await asyncio.gather(*(_subscribe(url, wanted) for _ in range(wanted.clients)))
    total = {key: sum(one[key] for one in each) for key in each[0]}
    total["seconds"] /= len(each)
    total["worst_gap"] = max(one["worst_gap"] for one in each)
    return total


if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    print(json.dumps(asyncio.run(subscribe(sys.argv[1], Wanted(**given)))))
