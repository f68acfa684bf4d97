"""The numbers of ServerDiagnosticsSummary (Part 5 v1.05 12.9)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from asyncua import ua

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.space import AddressSpace
from server.ua_stack.diagnostics.ledger import SessionLedger
from server.ua_stack.subscription_service import SubscriptionService

_VIEWS = numeric_key(0, ua.ObjectIds.ViewsFolder)
_ORGANIZES = numeric_key(0, ua.ObjectIds.Organizes)
_UINT32 = 0xFFFF_FFFF


class Summary:
    """``counters`` gives each number by its name, in the order of ServerDiagnosticsSummaryDataType."""

    def __init__(self, space: AddressSpace, subscriptions: SubscriptionService, ledger: SessionLedger) -> None:
        """Tell of these."""
        self._space = space
        self._subscriptions = subscriptions
        self.counters: dict[str, Callable[[], int]] = {
            "ServerViewCount": self._views,
            "CurrentSessionCount": lambda: len(ledger.sessions),
            "CumulatedSessionCount": lambda: ledger.cumulated_sessions,
            "SecurityRejectedSessionCount": lambda: ledger.security_rejected_sessions,
            "RejectedSessionCount": lambda: ledger.rejected_sessions,
            "SessionTimeoutCount": lambda: ledger.timed_out_sessions,
            "SessionAbortCount": lambda: ledger.aborted_sessions,
            "CurrentSubscriptionCount": lambda: len(subscriptions.held),
            "CumulatedSubscriptionCount": lambda: subscriptions.created,
            "PublishingIntervalCount": self._intervals,
            "SecurityRejectedRequestsCount": lambda: ledger.security_rejected_requests,
            "RejectedRequestsCount": lambda: ledger.rejected_requests,
        }

    def encoded(self) -> bytes:
        """Give the structure's body."""
        return Struct(f"<{len(self.counters)}I").pack(*[count() & _UINT32 for count in self.counters.values()])

    def _intervals(self) -> int:
        return len({held.core.parameters.interval for held in self._subscriptions})

    def _views(self) -> int:
        """Count the Views that folders beneath the Views folder lead to (Part 5 v1.05 8.2.5)."""
        found: set[NodeKey] = set()
        folders = [_VIEWS]
        for folder in folders:
            for kind, target in self._space[folder].forward:
                node = self._space.get(target) if kind == _ORGANIZES and target not in found else None
                if node is None:
                    continue
                found.add(target)
                if node.node_class is NodeClass.OBJECT:
                    folders.append(target)
        return sum(self._space[key].node_class is NodeClass.VIEW for key in found)
