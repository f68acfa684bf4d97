"""RegisterNodes and UnregisterNodes (Part 4 v1.05 5.9.5, 5.9.6).

Every node is found quickly by its own NodeId, so that is what is given back, and nothing is remembered of it: it gives
no rights, tells nobody whether there is such a node, and every use of the NodeId is looked at as if it were not there.
"""

from __future__ import annotations

from collections.abc import Sequence

from asyncua.common.utils import ServiceError
from asyncua.ua.status_codes import StatusCodes

from server.address_space.keys import NodeKey
from server.address_space.operation_count import bounded
from server.address_space.view.session import ViewSession
from server.address_space.view.validity import is_structurally_invalid


def register(session: ViewSession, nodes: Sequence[NodeKey], most: int) -> None:
    """Register up to ``most`` nodes; whether there are such nodes is not asked.

    Raises :class:`ServiceError`: also for a NodeId that no node can have, which refuses all of them.
    """
    given = bounded(nodes, most)
    if any(is_structurally_invalid(node) for node in given):
        raise ServiceError(StatusCodes.BadNodeIdInvalid)
    session.registered += len(given)


def unregister(session: ViewSession, nodes: Sequence[NodeKey], most: int) -> None:
    """Forget up to ``most`` nodes; NodeIds that were never registered do no harm. Raises :class:`ServiceError`."""
    session.registered = max(0, session.registered - len(bounded(nodes, most)))
