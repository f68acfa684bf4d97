"""A subscriber that only counts: sessions by asyncua's client, Publish answers taken apart with numpy.

``python -m bench.subscriber URL NODE-PREFIX COUNT DATATYPE SECONDS`` prints JSON: values, values lost (each item's
value must go up by one), those of a form that is not looked into, seconds. Values are Float or Double, always Good.
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

_DATA_CHANGE = 811
_VALUE = {"Float": "<f4", "Double": "<f8"}
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
    acknowledge: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


class Counter:
    """Reads PublishResponses and counts."""

    def __init__(self, count: int, datatype: str) -> None:
        """Expect ``count`` items of one data type with client handles from 0."""
        self.tally = Tally(np.full(count, np.nan))
        fields = [("handle", "<u4"), ("mask", "u1"), ("type", "u1"), ("value", _VALUE[datatype])]
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
        tally.last_at = time.monotonic()
        tally.first_at = tally.first_at or tally.last_at


async def subscribe(url: str, prefix: str, count: int, datatype: str, seconds: float) -> dict[str, Any]:
    """Subscribe to ``<prefix>0 … <prefix>count-1`` and count for some seconds."""
    counter = Counter(count, datatype)
    async with Client(url, timeout=30) as client:
        client_uri, identifier = prefix.removeprefix("nsu=").split(";s=")
        index = await client.get_namespace_index(client_uri)
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = 100.0
        parameters.RequestedLifetimeCount, parameters.RequestedMaxKeepAliveCount = 3000, 100
        parameters.PublishingEnabled = True
        request = ua.CreateSubscriptionRequest()
        request.Parameters = parameters
        protocol: Any = client.uaclient.protocol  # asyncua's transport, used below its client's own publish loop
        data = await protocol.send_request(request)
        created = ua.ua_binary.struct_from_binary(ua.CreateSubscriptionResponse, data)
        subscription = created.Parameters.SubscriptionId
        items = ua.CreateMonitoredItemsParameters()
        items.SubscriptionId = subscription
        items.TimestampsToReturn = ua.TimestampsToReturn.Both
        for number in range(count):
            item = ua.MonitoredItemCreateRequest()
            item.ItemToMonitor.NodeId = ua.NodeId(f"{identifier}{number}", index)
            item.ItemToMonitor.AttributeId = ua.AttributeIds.Value
            item.MonitoringMode = ua.MonitoringMode.Reporting
            item.RequestedParameters.ClientHandle = number
            item.RequestedParameters.SamplingInterval = 0.0
            item.RequestedParameters.QueueSize = 100
            items.ItemsToCreate.append(item)
        results = await client.uaclient.create_monitored_items(items)
        for result in results:
            result.StatusCode.check()
        deadline = time.monotonic() + seconds

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

        await asyncio.gather(*(publish() for _ in range(_PUBLISH_REQUESTS)))
        await client.uaclient.delete_subscriptions([subscription])
    tally = counter.tally
    elapsed = tally.last_at - tally.first_at
    return {
        "values": tally.values,
        "lost": tally.lost,
        "unverified": tally.unverified,
        "seconds": elapsed,
        "values_per_second": tally.values / elapsed if elapsed else 0.0,
    }


if __name__ == "__main__":
    url, prefix, count, datatype, seconds = sys.argv[1:6]
    print(json.dumps(asyncio.run(subscribe(url, prefix, int(count), datatype, float(seconds)))))
