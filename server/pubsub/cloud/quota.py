"""The limits of one account."""

from __future__ import annotations

import dataclasses

from server.pubsub.cloud.keys import QuotaSettings
from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.preset import Preset


def limits_of(preset: Preset | None, quota: QuotaSettings | None) -> Limits | None:
    """Give what the preset says, or the quota where it says something else; None where neither says anything."""
    if quota is None:
        return None if preset is None else preset.limits
    limits = Limits() if preset is None else preset.limits
    return dataclasses.replace(
        limits,
        messages=limits.messages if quota.messages is None else quota.messages,
        throughput=limits.throughput if quota.bytes is None else quota.bytes,
        payload=limits.payload if quota.payload is None else quota.payload,
        retains=limits.retains if quota.retain is None else quota.retain,
    )
