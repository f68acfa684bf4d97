"""Plans what is configured, for the start and for each change while the gateway runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.errors import Findings
from server.plan.datasets import PlannedConnection, PlannedPubSub, plan_pubsub
from server.plan.plan import Plan
from server.pubsub.events.settings import EventSettings
from server.pubsub.fields import DataSetField
from server.pubsub.settings import ConnectionSettings
from server.pubsub_model.merging import PUBLISHED
from server.pubsub_model.planning import Configured, enabled_part

Fields = tuple[DataSetField, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """What is configured, checked and looked up.

    ``pubsub``: what runs, None for nothing. ``connections``: all connections, also those that are disabled or publish
    nothing. ``fields``: of each DataSetWriter by its connection and name. ``datasets``: the fields of the datasets that
    methods have added; ``events``: what those of events hear.
    """

    configured: Configured
    pubsub: PlannedPubSub | None = None
    connections: dict[str, ConnectionSettings] = field(default_factory=dict[str, ConnectionSettings])
    fields: dict[tuple[str, str], Fields] = field(default_factory=dict[tuple[str, str], Fields])
    datasets: dict[str, Fields] = field(default_factory=dict[str, Fields])
    events: dict[str, EventSettings] = field(default_factory=dict[str, EventSettings])


class PubSubPlanner:
    """Looks nodes up in a plan's address space, as it is at that moment."""

    def __init__(self, plan: Plan) -> None:
        """Plan for the gateway of ``plan``."""
        self._plan = plan

    def plan(self, configured: Configured, findings: Findings) -> Planned | None:
        """Check all of it and find the fields; None, and told, where anything is wrong."""
        plan = self._plan
        document = configured.merged(findings)
        idle = configured.idle(findings)
        whole = plan_pubsub(document, plan.names.telling(findings), plan.directory, plan.points, findings)
        if findings:
            return None
        return planned_of(whole, configured, idle)


def planned_of(
    whole: PlannedPubSub | None, configured: Configured, idle: Mapping[str, ConnectionSettings] | None = None
) -> Planned:
    """Take what was planned of all that is configured apart. ``idle``: the connections that publish nothing yet."""
    planned = dict(whole.connections) if whole is not None else {}
    published = planned.pop(PUBLISHED, None)
    return Planned(
        configured,
        enabled_part(whole, configured.overlay),
        {**{name: one.settings for name, one in planned.items()}, **(idle or {})},
        {(name, dataset): held for name, one in planned.items() for dataset, held in _fields_of(one).items()},
        _fields_of(published) if published is not None else {},
        dict(published.settings.events) if published is not None else {},
    )


def _fields_of(planned: PlannedConnection) -> dict[str, Fields]:
    return {**planned.fields, **{name: selection.fields for name, selection in planned.events.items()}}
