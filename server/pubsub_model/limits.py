"""How much clients may configure: each connection has a socket and streams of the outbox, each writer a queue."""

from __future__ import annotations

from typing import Final

from asyncua.ua.status_codes import StatusCodes

from server.pubsub_model.planner import Planned
from server.pubsub_model.refusal import PubSubRefused

MOST_CONNECTIONS: Final = 32
MOST_GROUPS: Final = 500
MOST_WRITERS: Final = 1_000
MOST_DATASETS: Final = 1_000
MOST_FOLDERS: Final = 500


def check_amount(before: Planned, planned: Planned) -> None:
    """Refuse to add more than there may be, with what the configuration says itself. Raises :class:`PubSubRefused`."""
    had = _amounts(before)
    for (what, most), (number, held) in zip(_MOST.items(), zip(_amounts(planned), had, strict=True), strict=True):
        if number > max(most, held):
            problem = f"there would be {number} {what}, and clients may make up to {most}"
            raise PubSubRefused(StatusCodes.BadResourceUnavailable, problem, "write them into the configuration")


_MOST: Final = {
    "connections": MOST_CONNECTIONS,
    "groups": MOST_GROUPS,
    "writers": MOST_WRITERS,
    "datasets": MOST_DATASETS,
    "folders": MOST_FOLDERS,
}


def _amounts(planned: Planned) -> tuple[int, ...]:
    overlay = planned.configured.overlay
    return (
        len(planned.connections),
        sum(len(one.groups) for one in overlay.connections.values()),
        sum(len(one.published) for one in planned.connections.values()),
        len(overlay.datasets),
        len(overlay.folders),
    )
